// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"os"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// current is the request being worked on, so that the memory watch can answer it before it ends us.
var current atomic.Int64

var outLock sync.Mutex

const (
	exitOutOfMemory = 3
	memoryCheck     = 20 * time.Millisecond
	signOfLife      = time.Second
)

type working struct {
	ID      int64 `json:"id"`
	Working bool  `json:"working"`
}

// showLife says every second that a request is being worked on, so that one that takes long is told from a
// process that hangs.
func showLife(out *bufio.Writer) {
	for range time.Tick(signOfLife) {
		if id := current.Load(); id != 0 {
			_ = write(out, working{ID: id, Working: true})
		}
	}
}

// A memoryWatch gives up the current request when the heap outgrows its limit. The process ends with it:
// there is no other way to take memory back from a library that is still building.
type memoryWatch struct {
	limit  uint64
	out    *bufio.Writer
	lock   sync.Mutex
	sample []metrics.Sample
}

func newMemoryWatch(limit int64, out *bufio.Writer) *memoryWatch {
	// What was allocated and not freed yet, and what the last collection found in use.
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	return &memoryWatch{limit: uint64(limit), out: out, sample: sample}
}

func (w *memoryWatch) run() {
	for range time.Tick(memoryCheck) {
		w.check()
	}
}

// check is called at the end of a request too: one large allocation holds up the whole process, this watch
// with it.
func (w *memoryWatch) check() {
	w.lock.Lock()
	defer w.lock.Unlock()
	id := current.Load()
	metrics.Read(w.sample)
	if id == 0 || max(w.sample[0].Value.Uint64(), w.sample[1].Value.Uint64()) <= w.limit {
		return
	}
	_ = write(w.out, answer{ID: id, Error: &failure{
		Kind:    "too_large",
		Message: "rendering needs more memory than it may have; look for generators, anchors or patches that multiply objects",
	}})
	os.Exit(exitOutOfMemory)
}
