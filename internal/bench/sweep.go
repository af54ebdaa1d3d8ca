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

// fewAddresses make few flows of many connections: one at either end of each.
const (
	fewAddresses = 8
	fewFlows     = 2 * fewAddresses
)

// A grid is how many sockets, and how many flows they make.
var grid = []struct {
	sockets int
	flows   []int
}{
	{1000, []int{fewFlows, 1000}},
	{10_000, []int{fewFlows, 1000, 10_000}},
	{100_000, []int{fewFlows, 1000, 10_000, 64_000}},
}

// sweep prints how long it takes to visit all sockets and to read their flows.
func (b *bench) sweep() error {
	t := newTable(fmt.Sprintf("A collection: medians of %d, of at least 3 where there are many sockets", b.repetitions),
		"sockets", "flows", "since the last", "CPU ms", "sweep ms", "ns a socket", "longest stretch µs", "swap ms", "drain ms", "ns a flow", "BPF ns a socket")
	for _, row := range grid {
		if b.quick && row.sockets > 10_000 {
			continue
		}
		for _, flows := range row.flows {
			if err := b.sweepOf(t, row.sockets, flows); err != nil {
				return err
			}
		}
	}
	t.note("CPU: of all, the kernel's part and the reading process included; swap and drain are the reading of flows")
	t.note("stretch: from one output of the iterator to the next; over records that is 512 sockets later, and its RCU read lock is held so long")
	t.note("sweep: %s", sweepHook())
	t.note("BPF: by run statistics, which are switched on for that column only; smallest / median")
	return t.print(b.out)
}

func (b *bench) sweepOf(t *table, sockets, flows int) error {
	few := *b
	few.repetitions = max(3, b.repetitions*10_000/max(sockets, 10_000))
	b = &few
	return attached(defaults, func(k kernel) error {
		return withCrowd(sockets/2, flows/2, func(c *crowd) error {
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
	var c collections
	for i := range 1 + b.repetitions {
		if err := errors.Join(traffic(), c.measure(k)); err != nil {
			return err
		}
		if i == 0 {
			c = collections{} // it warmed up
		}
	}
	mean, err := b.sweepMean(k, sockets, traffic)
	if err != nil {
		return err
	}
	sweep := c.timings.median(func(t tcpbpf.Timing) time.Duration { return t.Sweep })
	drain := c.timings.median(func(t tcpbpf.Timing) time.Duration { return t.Drain })
	t.row(fmt.Sprint(sockets), fmt.Sprint(c.flows), since,
		number(median(c.cpu)), number(sweep/1e6), number(sweep/float64(sockets)),
		number(c.timings.median(func(t tcpbpf.Timing) time.Duration { return t.Stretch })/1e3),
		number(c.timings.median(func(t tcpbpf.Timing) time.Duration { return t.Swap })/1e6),
		number(drain/1e6), number(drain/float64(max(1, c.flows))),
		mean.String())
	return nil
}

// timings are those of several collections.
type timings []tcpbpf.Timing

// median is that of one part, in ns.
func (t timings) median(part func(tcpbpf.Timing) time.Duration) float64 {
	return median(t.milliseconds(part)) * 1e6
}

// milliseconds are those of one part.
func (t timings) milliseconds(part func(tcpbpf.Timing) time.Duration) (values []float64) {
	for _, one := range t {
		values = append(values, float64(part(one).Nanoseconds())/1e6)
	}
	return values
}

// sweepMean is the BPF time of a sweep by the socket, in ns.
func (b *bench) sweepMean(k kernel, sockets int, traffic func() error) (spread, error) {
	statistics, err := tcpbpf.EnableStatistics()
	if err != nil {
		return nil, err
	}
	defer statistics.Close()
	var all []reading
	for range b.repetitions {
		r, err := counter{kernel: k}.during(func() error { return errors.Join(traffic(), k.discard()) })
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
