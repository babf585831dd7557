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

// watchMemory gives up the current request when the heap outgrows its limit. The process ends with it:
// there is no other way to take memory back from a library that is still building.
func watchMemory(limit int64, out *bufio.Writer) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(memoryCheck) {
		metrics.Read(sample)
		if id := current.Load(); id != 0 && sample[0].Value.Uint64() > uint64(limit) {
			_ = write(out, answer{ID: id, Error: &failure{
				Kind:    "too_large",
				Message: "rendering needs more memory than it may have; look for generators, anchors or patches that multiply objects",
			}})
			os.Exit(exitOutOfMemory)
		}
	}
}
