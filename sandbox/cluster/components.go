// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

const stopTimeout = 2500 * time.Millisecond

// The controllers that workloads need to become healthy. Nodes, routes and volumes have none: the kubelet
// of the sandbox does for them what it takes.
var wanted = []string{
	"clusterrole-aggregation-controller",
	"cronjob-controller",
	"daemonset-controller",
	"deployment-controller",
	"disruption-controller",
	"endpointslice-controller",
	"garbage-collector-controller",
	"horizontal-pod-autoscaler-controller",
	"job-controller",
	"namespace-controller",
	"replicaset-controller",
	"resourcequota-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"statefulset-controller",
	"ttl-after-finished-controller",
	"validatingadmissionpolicy-status-controller",
}

func startEtcd(dir string) (*embed.Etcd, string, error) {
	config := embed.NewConfig()
	config.Dir = dir
	config.LogLevel = "error"
	// A sandbox may lose its last moments when the machine goes down, and gains tens of milliseconds a
	// write on a slow disk. A killed process loses nothing.
	config.UnsafeNoFsync = true
	client, err := freeURL()
	if err != nil {
		return nil, "", err
	}
	peer, err := freeURL()
	if err != nil {
		return nil, "", err
	}
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, "", err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, client.String(), nil
	case err := <-etcd.Err():
		etcd.Close()
		return nil, "", err
	case <-time.After(readyTimeout):
		etcd.Close()
		return nil, "", fmt.Errorf("not ready after %s", readyTimeout)
	}
}

func freeURL() (url.URL, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return url.URL{}, err
	}
	defer listener.Close()
	return url.URL{Scheme: "http", Host: listener.Addr().String()}, nil
}

// components are our children; the first that ends by itself is reported on ended.
type components struct {
	running []*exec.Cmd
	ended   chan error
}

func startComponents(pki *pki, etcd string, port int) (*components, error) {
	parts := &components{ended: make(chan error, 2)}
	if err := parts.start("kube-apiserver", apiServerFlags(pki, etcd, port)); err != nil {
		return parts, err
	}
	return parts, parts.start("kube-controller-manager", controllerFlags(pki))
}

func (c *components) start(name string, flags []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(self, append([]string{name}, flags...)...)
	command.Stderr = os.Stderr
	command.Stdout = os.Stderr
	// They must not outlive us, however we end; and a Ctrl-C is for us alone, so that we end them in order.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := command.Start(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.running = append(c.running, command)
	go func() {
		err := command.Wait()
		c.ended <- fmt.Errorf("%s ended: %v; its log is above", name, err)
	}()
	return nil
}

func (c *components) stop() {
	for _, command := range c.running {
		_ = command.Process.Signal(syscall.SIGTERM)
	}
	deadline := time.After(stopTimeout)
	for range c.running {
		select {
		case <-c.ended:
		case <-deadline:
			for _, command := range c.running {
				_ = command.Process.Kill()
			}
			return
		}
	}
}

func apiServerFlags(pki *pki, etcd string, port int) []string {
	return []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + pki.path("server.crt"),
		"--tls-private-key-file=" + pki.path("server.key"),
		"--client-ca-file=" + pki.path("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + pki.path("service-accounts.key"),
		"--service-account-signing-key-file=" + pki.path("service-accounts.key"),
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		// It would publish 127.0.0.1 as an endpoint, which its own validation refuses.
		"--endpoint-reconciler-type=none",
		"--profiling=false",
		"--v=0",
	}
}

func controllerFlags(pki *pki) []string {
	return []string{
		"--kubeconfig=" + pki.path("controllers.kubeconfig"),
		"--controllers=" + strings.Join(wanted, ","),
		"--leader-elect=false",
		"--secure-port=0",
		"--service-account-private-key-file=" + pki.path("service-accounts.key"),
		"--root-ca-file=" + pki.path("ca.crt"),
		"--kube-api-qps=1000",
		"--kube-api-burst=2000",
		"--profiling=false",
		"--v=0",
	}
}

// waitReady returns when the API server is ready and the controllers have made the default service
// account, without which no pod can be created.
func waitReady(ctx context.Context, pki *pki, server string, parts *components) error {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: pki.clientTLS("admin")}, Timeout: time.Second}
	deadline := time.After(readyTimeout)
	paths := []string{"/readyz", "/api/v1/namespaces/default/serviceaccounts/default"}
	for len(paths) > 0 {
		if response, err := client.Get(server + paths[0]); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				paths = paths[1:]
				continue
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-parts.ended:
			return err
		case <-deadline:
			return fmt.Errorf("the API server is not ready after %s; its log is above", readyTimeout)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}
