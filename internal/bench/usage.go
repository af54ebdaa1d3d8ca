// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"

	"golang.org/x/sys/unix"
)

// A usage is what this process used since its start.
type usage struct {
	cpu     time.Duration // of all threads, the garbage collector's included
	objects uint64        // allocated
}

func readUsage() (u usage, err error) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return u, fmt.Errorf("read usage: %w", err)
	}
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	return usage{cpu: time.Duration(r.Utime.Nano() + r.Stime.Nano()), objects: sample[0].Value.Uint64()}, nil
}

// threadTime is the CPU time of the calling thread, which must be locked.
func threadTime() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, fmt.Errorf("read thread's clock: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// heap is the size in bytes of what is reachable.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // what a finalizer of the first one gave up
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
