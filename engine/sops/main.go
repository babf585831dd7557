// SPDX-License-Identifier: Apache-2.0

// Command fairway-sops decrypts what was encrypted with SOPS, and signs commits. It is a child process of a
// worker, apart from the one that renders, so that no key is where a repository's files are built: one JSON
// object a line on stdin, one answer a line on stdout. Keys come with each request and are forgotten with its
// answer; nothing is written to disk and nothing is read from it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/getsops/sops/v3/logging"
	"github.com/sirupsen/logrus"
)

// protocol is the one of the rendering engine; the client refuses any other.
const protocol = 4

var version = "dev"

type request struct {
	ID   int64           `json:"id"`
	Op   string          `json:"op"`
	With json.RawMessage `json:"with"`
}

type answer struct {
	ID     int64    `json:"id"`
	Result any      `json:"result,omitempty"`
	Error  *failure `json:"error,omitempty"`
}

// A failure is what the caller shows to a person; it never holds a key or a plaintext.
type failure struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Message }

func main() {
	loopback := flag.Bool("allow-loopback", false, "let key services be on this machine, for tests")
	memory := flag.Int64("memory", 512<<20, "bytes of heap after which a request is given up")
	flag.Parse()
	if err := run(*loopback, *memory); err != nil {
		fmt.Fprintln(os.Stderr, "fairway-sops:", err)
		os.Exit(1)
	}
}

func run(loopback bool, memory int64) error {
	clearEnvironment()
	logging.SetLevel(logrus.PanicLevel)
	debug.SetMemoryLimit(memory)
	out := bufio.NewWriter(os.Stdout)
	watch := newMemoryWatch(memory, out)
	go watch.run()
	network := newNetwork(loopback)
	if err := write(out, map[string]any{"hello": map[string]any{"protocol": protocol, "version": version}}); err != nil {
		return err
	}
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	for {
		var req request
		if err := in.Decode(&req); err == io.EOF {
			return nil
		} else if err != nil {
			return errors.New("reading a request failed") // never its text: it holds keys
		}
		if err := write(out, handle(network, watch, &req)); err != nil {
			return err
		}
	}
}

// clearEnvironment leaves which authorities to trust. What else a library would take from its surroundings is
// ours, not the object's owner's.
func clearEnvironment() {
	kept := map[string]string{}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value, set := os.LookupEnv(name); set {
			kept[name] = value
		}
	}
	os.Clearenv()
	for name, value := range kept {
		_ = os.Setenv(name, value)
	}
}

func handle(network *network, watch *memoryWatch, req *request) answer {
	current.Store(req.ID)
	defer current.Store(0)
	defer watch.check()
	var result any
	var err error
	switch req.Op {
	case "ping":
		result = "pong"
	case "decrypt":
		result, err = decryptRequested(network, req.With)
	case "sign":
		result, err = signRequested(req.With)
	default:
		err = &failure{Kind: "internal", Message: fmt.Sprintf("unknown operation %q", req.Op)}
	}
	if err != nil {
		return answer{ID: req.ID, Error: described(err)}
	}
	return answer{ID: req.ID, Result: result}
}

func described(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	return &failure{Kind: "decrypt", Message: err.Error()}
}

func write(out *bufio.Writer, value any) error {
	outLock.Lock()
	defer outLock.Unlock()
	if err := json.NewEncoder(out).Encode(value); err != nil {
		return err
	}
	return out.Flush()
}
