// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

// warmUp is how long both ends run before they are measured.
const warmUp = 50 * time.Millisecond

// A throughput is what pairs of runs without and with the kernel side gave.
type throughput struct {
	workload      *workload
	at            placement
	without, with []float64 // units per second
	ratios        []float64
}

// throughput prints the ratios of throughput with the kernel side attached to
// that without. The two halves of a pair follow each other directly, and which one
// comes first alternates, so that neither drift nor order is taken for cost. A half
// runs all workloads, because loading the programs takes longer than they do. Nobody
// collects meanwhile: that takes its time once an interval, not once a run, and has a
// table of its own.
func (b *bench) throughput() error {
	var all []*throughput
	for _, w := range workloads {
		for _, at := range b.placements() {
			all = append(all, &throughput{workload: w, at: at})
		}
	}
	var collections collections
	counted := false
	for pair := range b.pairs {
		for half := range 2 {
			var err error
			if with := (pair + half) % 2; with == 1 {
				err = b.halfWith(all, &collections, &counted)
			} else {
				err = b.halfWithout(all)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := b.printThroughput(all, counted); err != nil {
		return err
	}
	return collections.print(b)
}

func (b *bench) printThroughput(all []*throughput, counted bool) error {
	t := newTable(fmt.Sprintf("Throughput with the kernel side attached to the root cgroup ÷ without: medians of %d pairs of %v", b.pairs, b.run),
		"workload", "both ends on", "without", "with", "per second", "ratio", "95 % interval")
	for _, r := range all {
		for i, with := range r.with {
			r.ratios = append(r.ratios, with/r.without[i])
		}
		t.row(r.workload.name, r.at.String(), number(median(r.without)), number(median(r.with)), plural(r.workload.unit),
			fmt.Sprintf("%.3f", median(r.ratios)), bounds(r.ratios))
	}
	t.note("without: opened and closed before it, as with; nobody collects during a run, see the next table")
	if counted {
		t.note("BPF run statistics were ON and are part of the cost")
	}
	return t.print(b.out)
}

// placements are one CPU, where nothing but work takes time, and two, as on a
// machine with CPUs to spare: there the wait for the other CPU takes most of it.
func (b *bench) placements() []placement {
	one := placement{server: b.cpus[1], client: b.cpus[1]}
	if b.cpus[0] == b.cpus[1] {
		return []placement{one}
	}
	return []placement{one, {server: b.cpus[0], client: b.cpus[1]}}
}

func (p placement) String() string {
	if p.server == p.client {
		return "1 CPU"
	}
	return "2 CPUs"
}

// halfWithout is one half of a pair. What opening does to caches and clocks, it has too.
func (b *bench) halfWithout(all []*throughput) error {
	if err := attached(everything(), func(kernel) error { return nil }); err != nil {
		return err
	}
	for _, r := range all {
		rate, err := b.rate(r.workload, r.at, func() error { return nil })
		if err != nil {
			return err
		}
		r.without = append(r.without, rate)
	}
	return nil
}

// halfWith is the other one. A collection follows each run, its connection still open.
func (b *bench) halfWith(all []*throughput, c *collections, counted *bool) error {
	return attached(everything(), func(k kernel) error {
		for _, r := range all {
			rate, err := b.rate(r.workload, r.at, func() error { return c.measure(k) })
			if err != nil {
				return err
			}
			r.with = append(r.with, rate)
		}
		p, err := k.program(tcpbpf.ProgramSockOps)
		*counted = *counted || p.Runs > 0
		return err
	})
}

// rate measures a workload once, in units per second, and then calls a function.
func (b *bench) rate(w *workload, at placement, then func() error) (rate float64, err error) {
	c, err := newConversation(w, at, 1)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	if _, err := c.client.do(task{Duration: warmUp}); err != nil {
		return 0, err
	}
	o, err := c.client.do(task{Duration: b.run})
	if err != nil {
		return 0, err
	}
	return o.rate() / w.scale, then()
}

func bounds(values []float64) string {
	low, high, ok := interval(values)
	if !ok {
		return "too few pairs"
	}
	return fmt.Sprintf("%.3f … %.3f", low, high)
}

func plural(unit string) string {
	if unit == "MB" {
		return unit
	}
	return unit + "s"
}
