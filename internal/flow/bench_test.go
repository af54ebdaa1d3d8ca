// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// busy is an interval of the n-th flow with as many occupied buckets as a long
// life on a jittery path leaves: 20 of each round-trip histogram, 4 of each
// window histogram.
func busy(n uint32) *flow.Delta {
	d := delta(key(1+n/50, 443), 1)
	d.Key.Remote = remote(n)
	d.RTT = bell(flow.RTTLayout, 40, 20)
	d.RTTVariation = bell(flow.RTTLayout, 30, 20)
	d.ReceiveWindow = bell(flow.WindowLayout, 14, 4)
	d.SendWindow = bell(flow.WindowLayout, 14, 4)
	return d
}

func remote(n uint32) netip.Addr {
	var address [4]byte
	binary.BigEndian.PutUint32(address[:], 10<<24|n)
	return netip.AddrFrom4(address)
}

func bell(layout flow.Layout, first, count int) flow.Sample {
	s := flow.Sample{Counts: make([]uint32, layout.Count), Sum: 1e6}
	for i := range count {
		s.Counts[first+i] = uint32(1 + min(i, count-1-i))
	}
	return s
}

// grow gives a flow its buckets in several intervals, as they come.
func grow(table *flow.Table, n uint32) {
	for _, share := range []int{3, 2, 1} {
		d := busy(n)
		for _, s := range []*flow.Sample{&d.RTT, &d.RTTVariation} {
			clear(s.Counts[:30+20/share/2])
			clear(s.Counts[60-20/share/2:])
		}
		table.Add(d)
	}
	table.Add(busy(n))
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// bytesPerFlow is the Go heap that a table of so many flows holds, per flow.
func bytesPerFlow(flows uint32) float64 {
	before := heap()
	table := newTable(flow.Limits{Flows: int(flows)})
	for n := range flows {
		grow(table, n)
	}
	table.Seal(at(1), flow.Report{}, true)
	after := heap()
	runtime.KeepAlive(table)
	return float64(after-before) / float64(flows)
}

func TestAFlowTakesAtMostOneKibibyte(t *testing.T) {
	for _, flows := range []uint32{1000, 7000, 10_000, 20_000} {
		assert.LessOrEqual(t, bytesPerFlow(flows), 1024., "%d flows", flows)
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	const flows = 100
	table := newTable(limits)
	deltas := make([]*flow.Delta, flows)
	for n := range deltas {
		deltas[n] = busy(uint32(n))
	}
	second := uint64(0)
	interval := func() {
		second++
		for _, d := range deltas {
			table.Add(d)
		}
		table.Seal(at(second), flow.Report{}, true)
		table.Commit()
	}
	interval()
	assert.Zero(t, testing.AllocsPerRun(100, interval))
}

func BenchmarkInterval(b *testing.B) {
	for _, flows := range []int{1, 64, 1000, 10_000, 65_536} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			table := newTable(flow.Limits{Flows: flows})
			deltas := make([]*flow.Delta, min(flows, 1000))
			for n := range deltas {
				deltas[n] = busy(uint32(n))
			}
			b.ReportAllocs()
			for b.Loop() {
				for n := range flows {
					d := deltas[n%len(deltas)]
					d.Key.Remote = remote(uint32(n))
					table.Add(d)
				}
				table.Seal(at(1), flow.Report{}, true)
				table.Commit()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*flows), "ns/flow")
			b.ReportMetric(bytesPerFlow(uint32(flows)), "B/flow")
		})
	}
}
