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
	without, with []float64 // units per second
	ratios        []float64
	counted       bool // the kernel kept statistics meanwhile
}

// throughput prints the ratios of throughput with the kernel side attached to
// that without. The two runs of a pair follow each other directly, and which one
// comes first alternates, so that neither drift nor order is taken for cost.
func (b *bench) throughput() error {
	t := newTable(fmt.Sprintf("Throughput with the kernel side attached to the root cgroup ÷ without: medians of %d pairs of %v", b.pairs, b.run),
		"workload", "both ends on", "without", "with", "per second", "ratio", "95 % interval")
	counted := false
	for _, w := range workloads {
		for _, at := range b.placements() {
			r, err := b.pairsOf(w, at)
			if err != nil {
				return err
			}
			t.row(w.name, at.String(), number(median(r.without)), number(median(r.with)), plural(w.unit),
				fmt.Sprintf("%.3f", median(r.ratios)), bounds(r.ratios))
			counted = counted || r.counted
		}
	}
	t.note("with: one Collect in the middle of each run; without: opened and closed before it, as with")
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

func (b *bench) pairsOf(w *workload, at placement) (r throughput, err error) {
	for pair := range b.pairs {
		var rates [2]float64 // without, with
		for half := range 2 {
			with := (pair + half) % 2
			if rates[with], err = b.half(w, at, with == 1, &r); err != nil {
				return r, err
			}
		}
		r.without = append(r.without, rates[0])
		r.with = append(r.with, rates[1])
		r.ratios = append(r.ratios, rates[1]/rates[0])
	}
	return r, nil
}

// half is one run of a pair.
func (b *bench) half(w *workload, at placement, with bool, r *throughput) (rate float64, err error) {
	measure := func(meanwhile func() error) error {
		rate, err = b.rate(w, at, meanwhile)
		return err
	}
	if !with {
		// What opening does to caches and clocks, the other half has too.
		if err := attached(defaults, func(kernel) error { return nil }); err != nil {
			return 0, err
		}
		return rate, measure(func() error { return nil })
	}
	err = attached(defaults, func(k kernel) error {
		if err := measure(k.discard); err != nil {
			return err
		}
		p, err := k.program(tcpbpf.ProgramSockOps)
		r.counted = r.counted || p.Runs > 0
		return err
	})
	return rate, err
}

func (k kernel) discard() error {
	_, err := k.collect()
	return err
}

// rate measures a workload once, in units per second.
func (b *bench) rate(w *workload, at placement, meanwhile func() error) (rate float64, err error) {
	c, err := newConversation(w, at, 1)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	if _, err := c.client.do(task{Duration: warmUp}); err != nil {
		return 0, err
	}
	if err := c.client.begin(task{Duration: b.run}); err != nil {
		return 0, err
	}
	time.Sleep(b.run / 2)
	if err := meanwhile(); err != nil {
		return 0, err
	}
	o, err := c.client.finish()
	return o.rate() / w.scale, err
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
