// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"errors"
	"fmt"
	"time"
)

// warmUp is how long both ends run before they are measured.
const warmUp = 50 * time.Millisecond

// A throughput is what rounds of runs gave, one run of each setup in each.
type throughput struct {
	workload *workload
	at       placement
	rates    map[string][]float64 // by setup, units per second
}

// ratios are those of a setup's rates to those without any, round by round.
func (t *throughput) ratios(setup string) (all []float64) {
	for i, rate := range t.rates[setup] {
		all = append(all, rate/t.rates[setupNone][i])
	}
	return all
}

// throughput prints the ratios of throughput with the kernel side attached to
// that without, and of what the kernel takes for any such hook. The setups of a round
// follow each other directly, and which one comes first changes, so that neither drift
// nor order is taken for cost. A setup runs all workloads, because loading the programs
// takes longer than they do. Nobody collects meanwhile: that takes its time once an
// interval, not once a run, and has a table of its own.
func (b *bench) throughput() error {
	var all []*throughput
	for _, w := range workloads {
		for _, at := range b.placements() {
			all = append(all, &throughput{workload: w, at: at, rates: make(map[string][]float64)})
		}
	}
	var collections collections
	setups := setups(&collections)
	for round := range b.pairs {
		for i := range setups {
			if err := b.round(all, setups[(round+i)%len(setups)]); err != nil {
				return err
			}
		}
	}
	if err := b.printThroughput(all, collections.counted); err != nil {
		return err
	}
	return collections.print(b)
}

func (b *bench) printThroughput(all []*throughput, counted bool) error {
	t := newTable(fmt.Sprintf("Throughput with the kernel side attached to the root cgroup ÷ without: medians of %d rounds of %v", b.pairs, b.run),
		"workload", "both ends on", "without", "with", "per second", "ratio", "95 % interval", setupProgram, setupRecords)
	for _, r := range all {
		ratio := func(setup string) string { return fmt.Sprintf("%.3f", median(r.ratios(setup))) }
		t.row(r.workload.name, r.at.String(), number(median(r.rates[setupNone])), number(median(r.rates[setupAll])), plural(r.workload.unit),
			ratio(setupAll), bounds(r.ratios(setupAll)), ratio(setupProgram), ratio(setupRecords))
	}
	t.note("without: opened and closed before it, as with; nobody collects during a run, see the next table")
	t.note("%s: ratio with a program that returns at once; %s: with one that has the kernel make our records and call us back, and does nothing",
		setupProgram, setupRecords)
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

// round is one setup's part of a round.
func (b *bench) round(all []*throughput, s setup) error {
	return s.during(func(after func() error) error {
		for _, r := range all {
			rate, err := b.rate(r.workload, r.at, after)
			if err != nil {
				return err
			}
			r.rates[s.name] = append(r.rates[s.name], rate)
		}
		return nil
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
