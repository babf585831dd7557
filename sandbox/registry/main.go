// SPDX-License-Identifier: Apache-2.0

// Command fairway-registry runs a real image registry on loopback: the CNCF's distribution, with its own
// storage, authentication and notifications. What is ours is small: who may log in, a server for tokens, and a
// second listener on which the sandbox says where notifications go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/sirupsen/logrus"
)

// options is what the command line says.
type options struct {
	dir       string
	port      int
	auth      string
	users     users
	tokenLife time.Duration
	maxTags   int
	cert, key string
}

func main() {
	asked := options{}
	flag.StringVar(&asked.dir, "dir", "", "folder for data; made when missing")
	flag.IntVar(&asked.port, "port", 0, "port on 127.0.0.1; 0 takes a free one")
	flag.StringVar(&asked.auth, "auth", "none", "none, basic or token")
	flag.Var(&asked.users, "user", "name:password, or name:password:prefix of the repositories it may use; repeatable")
	flag.DurationVar(&asked.tokenLife, "token-life", 5*time.Minute, "how long a token is good for")
	flag.IntVar(&asked.maxTags, "max-tags", 0, "the most tags on a page; 0 for as many as are asked for")
	flag.StringVar(&asked.cert, "tls-cert", "", "file with the certificate; serves https")
	flag.StringVar(&asked.key, "tls-key", "", "file with its key")
	parse()
	if asked.dir == "" {
		fmt.Fprintln(os.Stderr, "fairway-registry: --dir is required")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, asked); err != nil {
		fmt.Fprintln(os.Stderr, "fairway-registry:", err)
		os.Exit(1)
	}
}

// parse ends a process that was started wrongly with the error alone, which is what its starter shows.
func parse() {
	flag.CommandLine.Init("fairway-registry", flag.ContinueOnError)
	flag.CommandLine.SetOutput(io.Discard)
	err := flag.CommandLine.Parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		flag.CommandLine.SetOutput(os.Stdout)
		flag.PrintDefaults()
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fairway-registry:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, asked options) error {
	logrus.SetLevel(logrus.WarnLevel)
	dir, err := filepath.Abs(asked.dir)
	if err != nil {
		return err
	}
	asked.dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	public, err := listen(asked.port)
	if err != nil {
		return err
	}
	internal, err := listen(0)
	if err != nil {
		return err
	}
	url := "http://" + public.Addr().String()
	if asked.cert != "" {
		url = strings.Replace(url, "http:", "https:", 1)
	}
	relay, err := openRelay(filepath.Join(dir, "webhooks.json"))
	if err != nil {
		return err
	}
	config, tokens, err := configure(asked, url, "http://"+internal.Addr().String())
	if err != nil {
		return err
	}
	registry := http.NewServeMux()
	registry.Handle("/", handlers.NewApp(ctx, config))
	if tokens != nil {
		registry.Handle("GET "+tokenPath, tokens)
	}
	control, err := newControl(ctx, config, relay)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	serve := func(server *http.Server, listener net.Listener, cert, key string) {
		if cert != "" {
			failed <- server.ServeTLS(listener, cert, key)
			return
		}
		failed <- server.Serve(listener)
	}
	servers := []*http.Server{{Handler: registry}, {Handler: control}}
	go serve(servers[0], public, asked.cert, asked.key)
	go serve(servers[1], internal, "", "")
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{
		"event": "ready", "url": url, "control": "http://" + internal.Addr().String(),
	}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		for _, server := range servers {
			_ = server.Close()
		}
		return nil
	case err := <-failed:
		return err
	}
}

func listen(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d is taken: stop what listens there, or give another --port", port)
	}
	return listener, err
}
