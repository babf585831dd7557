// SPDX-License-Identifier: Apache-2.0

// Command fairway-cluster runs a real Kubernetes control plane on one machine: etcd in this process, the
// kube-apiserver and the kube-controller-manager as children of it, all from the upstream modules. There
// is no node: sandbox/kubelet plays it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"k8s.io/component-base/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"

	"github.com/spf13/cobra"
)

const readyTimeout = 90 * time.Second

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "kube-apiserver":
			os.Exit(execute(apiserver.NewAPIServerCommand()))
		case "kube-controller-manager":
			os.Exit(execute(controllers.NewControllerManagerCommand()))
		}
	}
	dir := flag.String("dir", "", "folder for data, certificates and the kubeconfig; made when missing")
	port := flag.Int("port", 0, "port of the API server on 127.0.0.1; 0 takes the last one, or a free one")
	flag.Parse()
	if *dir == "" {
		fmt.Fprintln(os.Stderr, "fairway-cluster: --dir is required")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *dir, *port); err != nil {
		fmt.Fprintln(os.Stderr, "fairway-cluster:", err)
		os.Exit(1)
	}
}

func execute(command *cobra.Command) int {
	command.SetArgs(os.Args[2:])
	if err := command.Execute(); err != nil {
		return 1
	}
	return 0
}

func run(ctx context.Context, dir string, port int) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if port, err = choosePort(dir, port); err != nil {
		return err
	}
	pki, err := openPKI(filepath.Join(dir, "pki"))
	if err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	server := fmt.Sprintf("https://127.0.0.1:%d", port)
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := pki.writeKubeconfig(kubeconfig, server, "admin"); err != nil {
		return err
	}
	if err := pki.writeKubeconfig(pki.path("controllers.kubeconfig"), server, "controllers"); err != nil {
		return err
	}
	etcd, endpoint, err := startEtcd(filepath.Join(dir, "etcd"))
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.Close()
	parts, err := startComponents(pki, endpoint, port)
	defer parts.stop()
	if err != nil {
		return err
	}
	if err := waitReady(ctx, pki, server, parts); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{
		"event": "ready", "server": server, "kubeconfig": kubeconfig, "version": version.Get().GitVersion,
	}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-parts.ended:
		return err
	}
}

// choosePort returns the asked port, else the one used before, else a free one, and remembers it: clients
// hold the address in their kubeconfig over a restart.
func choosePort(dir string, port int) (int, error) {
	file := filepath.Join(dir, "port")
	if port == 0 {
		if old, err := os.ReadFile(file); err == nil {
			port, _ = strconv.Atoi(strings.TrimSpace(string(old)))
		} else if !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return 0, fmt.Errorf("port %d is taken: stop what listens there, or give another --port", port)
	}
	defer listener.Close()
	port = listener.Addr().(*net.TCPAddr).Port
	return port, os.WriteFile(file, []byte(strconv.Itoa(port)), 0o600)
}
