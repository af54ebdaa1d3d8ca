// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

// defaultInterval is the receiver's collection_interval.
const defaultInterval = 10 * time.Second

// collections are what some took.
type collections struct {
	cpu     []float64 // ms of this process, the kernel's part included
	timings timings
	flows   int  // of the last one
	counted bool // statistics of runs were on
}

// measure collects once.
func (c *collections) measure(k kernel) error {
	var used usage
	err := used.measure(func() (err error) {
		c.flows, err = k.collect()
		return err
	})
	if err != nil {
		return err
	}
	c.cpu = append(c.cpu, float64(used.cpu.Nanoseconds())/1e6)
	c.timings = append(c.timings, k.Timing())
	p, err := k.program(tcpbpf.ProgramSockOps)
	c.counted = c.counted || p.Runs > 0
	return err
}

// print prints what a collection takes, and what that is of the time between two.
func (c *collections) print(b *bench) error {
	if len(c.cpu) == 0 {
		return nil
	}
	t := newTable(fmt.Sprintf("A collection after each of these runs: median and most of %d", len(c.cpu)), "", "median", "most")
	row := func(what string, values []float64) {
		t.row(what, number(median(values)), number(slices.Max(values)))
	}
	row("CPU, ms", c.cpu)
	row("sweep, ms", c.timings.milliseconds(func(t tcpbpf.Timing) time.Duration { return t.Sweep }))
	row("swap and drain, ms", c.timings.milliseconds(func(t tcpbpf.Timing) time.Duration { return t.Swap + t.Drain }))
	share := make([]float64, len(c.cpu))
	for i, ms := range c.cpu {
		share[i] = ms / float64(defaultInterval.Milliseconds()) * 100
	}
	row(fmt.Sprintf("CPU, %% of one in an interval of %v", defaultInterval), share)
	return t.print(b.out)
}
