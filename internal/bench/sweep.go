// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

// fewAddresses make few flows of many connections.
const fewAddresses = 8

// sweep prints how long it takes to visit all sockets.
func (b *bench) sweep() error {
	t := newTable(fmt.Sprintf("A collection: medians of %d, of at least 3 where there are many sockets", b.repetitions),
		"sockets", "flows", "since the last", "sweep ms", "ns a socket", "longest stretch µs", "swap ms", "drain ms", "BPF ns a socket")
	sizes := []int{1000, 10_000, 100_000}
	if b.quick {
		sizes = sizes[:2]
	}
	for _, sockets := range sizes {
		for _, g := range []tcpbpf.Granularity{tcpbpf.GranularityEndpoint, tcpbpf.GranularityConnection} {
			if err := b.sweepOf(t, sockets, g); err != nil {
				return err
			}
		}
	}
	t.note("stretch: from one output of the iterator to the next; over records that is 512 sockets later, and its RCU read lock is held so long")
	t.note("sweep: %s", sweepHook())
	t.note("BPF: by run statistics, which are switched on for that column only; smallest / median")
	return t.print(b.out)
}

func (b *bench) sweepOf(t *table, sockets int, g tcpbpf.Granularity) error {
	cfg := defaults
	cfg.Granularity = g
	cfg.MaxFlows = max(cfg.MaxFlows, 2*sockets) // others have flows too
	few := *b
	few.repetitions = max(3, b.repetitions*10_000/max(sockets, 10_000))
	b = &few
	return attached(cfg, func(k kernel) error {
		return withCrowd(sockets/2, fewAddresses, func(c *crowd) error {
			quiet := func() error { return nil }
			busy := func() error { return c.exchange(1) }
			if err := b.sweepRow(t, k, sockets, "idle", quiet); err != nil {
				return err
			}
			return b.sweepRow(t, k, sockets, "an exchange each", busy)
		})
	})
}

// sweepRow measures collections, before each of which traffic is made.
func (b *bench) sweepRow(t *table, k kernel, sockets int, since string, traffic func() error) error {
	flows := 0
	collect := func() (err error) {
		if err := traffic(); err != nil {
			return err
		}
		flows, err = k.collect()
		return err
	}
	timings, err := b.timings(k, collect)
	if err != nil {
		return err
	}
	mean, err := b.sweepMean(k, sockets, collect)
	if err != nil {
		return err
	}
	sweep := timings.median(func(t tcpbpf.Timing) time.Duration { return t.Sweep })
	t.row(fmt.Sprint(sockets), fmt.Sprint(flows), since,
		number(sweep/1e6), number(sweep/float64(sockets)),
		number(timings.median(func(t tcpbpf.Timing) time.Duration { return t.Stretch })/1e3),
		number(timings.median(func(t tcpbpf.Timing) time.Duration { return t.Swap })/1e6),
		number(timings.median(func(t tcpbpf.Timing) time.Duration { return t.Drain })/1e6),
		mean.String())
	return nil
}

// timings are those of several collections.
type timings []tcpbpf.Timing

func (b *bench) timings(k kernel, collect func() error) (all timings, err error) {
	for range 1 + b.repetitions {
		if err := collect(); err != nil {
			return nil, err
		}
		all = append(all, k.Timing())
	}
	return all[1:], nil // the first one warmed up
}

// median is that of one part, in ns.
func (t timings) median(part func(tcpbpf.Timing) time.Duration) float64 {
	var values []float64
	for _, one := range t {
		values = append(values, float64(part(one).Nanoseconds()))
	}
	return median(values)
}

// sweepMean is the BPF time of a sweep by the socket, in ns.
func (b *bench) sweepMean(k kernel, sockets int, collect func() error) (spread, error) {
	statistics, err := tcpbpf.EnableStatistics()
	if err != nil {
		return nil, err
	}
	defer statistics.Close()
	var all []reading
	for range b.repetitions {
		r, err := counter{kernel: k}.during(collect)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return spreadOf(all, func(r reading) float64 {
		total := r[tcpbpf.ProgramSweep].time + r[tcpbpf.ProgramSweepFiles].time + r[tcpbpf.ProgramSweepHashed].time
		return float64(total.Nanoseconds()) / float64(sockets)
	}), nil
}

// sweepHook is where this kernel lets sweeps be done.
func sweepHook() (name string) {
	_ = attached(defaults, func(k kernel) error {
		for _, h := range k.Hooks() {
			if h.Job == "sweep" {
				name = h.Name
			}
		}
		return nil
	})
	return name
}
