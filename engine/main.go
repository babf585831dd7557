// SPDX-License-Identifier: Apache-2.0

// Command fairway-engine renders what only Go libraries render as Flux does. It is a child process of a
// worker: one JSON object a line on stdin, one answer a line on stdout, log lines on stderr. It holds no
// decision and no credential.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
)

// protocol changes when a request or an answer changes its meaning; the client refuses any other.
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

// An engine is what the operations share.
type engine struct {
	trees     *trees
	maxOutput int
}

// An operation reads what it is to do from `with`; what it returns becomes the answer's result.
type operation func(e *engine, with json.RawMessage) (any, error)

var operations = map[string]operation{
	"ping":      func(*engine, json.RawMessage) (any, error) { return "pong", nil },
	"build":     func(e *engine, with json.RawMessage) (any, error) { return decoded(e, with, build) },
	"evaluate":  func(e *engine, with json.RawMessage) (any, error) { return decoded(e, with, evaluate) },
	"judge":     func(e *engine, with json.RawMessage) (any, error) { return decoded(e, with, judge) },
	"message":   func(e *engine, with json.RawMessage) (any, error) { return decoded(e, with, message) },
	"unchanged": func(e *engine, with json.RawMessage) (any, error) { return decoded(e, with, unchanged) },
	"verify":    func(e *engine, with json.RawMessage) (any, error) { return decoded(e, with, verify) },
}

// decoded calls an operation with its own type of request.
func decoded[R, A any](e *engine, with json.RawMessage, do func(*engine, *R) (A, error)) (any, error) {
	var req R
	if err := json.Unmarshal(with, &req); err != nil {
		return nil, &failure{Kind: "internal", Message: "unreadable request: " + err.Error()}
	}
	return do(e, &req)
}

func main() {
	scratch := flag.String("scratch", os.TempDir(), "folder for unpacked sources; a private one is made in it")
	memory := flag.Int64("memory", 1<<30, "bytes of heap after which a request is given up")
	maxOutput := flag.Int("max-output", 64<<20, "bytes one answer may have")
	flag.Parse()
	if err := run(*scratch, *memory, *maxOutput); err != nil {
		fmt.Fprintln(os.Stderr, "fairway-engine:", err)
		os.Exit(1)
	}
}

func run(scratch string, memory int64, maxOutput int) error {
	// Rendering reads the artifact and nothing else: kustomize would fetch remote files with this
	// transport, and remote bases with a git it cannot find, since our environment is empty.
	http.DefaultTransport = refuseNetwork{}
	os.Clearenv()
	debug.SetMemoryLimit(memory)
	// A build makes much garbage over a small heap: collected less often it costs a third less, for 30 MiB.
	debug.SetGCPercent(300)
	folder, err := os.MkdirTemp(scratch, "fairway-engine-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	out := bufio.NewWriter(os.Stdout)
	shared := &engine{trees: newTrees(folder), maxOutput: maxOutput}
	watch := newMemoryWatch(memory, out)
	go watch.run()
	go showLife(out)
	if err := write(out, map[string]any{"hello": map[string]any{"protocol": protocol, "version": version}}); err != nil {
		return err
	}
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	for {
		var req request
		if err := in.Decode(&req); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		if err := write(out, handle(shared, watch, &req)); err != nil {
			return err
		}
	}
}

func handle(e *engine, watch *memoryWatch, req *request) answer {
	current.Store(req.ID)
	defer current.Store(0)
	defer watch.check()
	do, known := operations[req.Op]
	if !known {
		return answer{ID: req.ID, Error: &failure{Kind: "internal", Message: fmt.Sprintf("unknown operation %q", req.Op)}}
	}
	result, err := do(e, req.With)
	if err != nil {
		return answer{ID: req.ID, Error: describe(err)}
	}
	return answer{ID: req.ID, Result: result}
}

func write(out *bufio.Writer, value any) error {
	outLock.Lock()
	defer outLock.Unlock()
	if err := json.NewEncoder(out).Encode(value); err != nil {
		return err
	}
	return out.Flush()
}

type refuseNetwork struct{}

func (refuseNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &failure{Kind: "refused", Message: "remote resource refused: " + r.URL.Redacted()}
}
