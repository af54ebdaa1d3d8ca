// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// busyTable has so many flows, 50 to a process, each with 20 occupied buckets
// in its round-trip histograms and 4 in its window histograms.
func busyTable(flows int) *flow.Table {
	table := flow.NewTable(flow.Limits{Flows: flows}, flow.Instant{Wall: 1}, fakeKernel(quiet).Owner)
	for n := range flows {
		d := flow.Delta{
			Key:   clientKey(1+uint32(n)/50, uint32(n)),
			Bytes: [2]uint64{1e6, 1e7}, Segments: [2]uint64{1e4, 1e4}, DataSegments: [2]uint64{1e3, 1e4},
			Opened: 12, Closed: [flow.NumCloseReasons]uint64{11},
			RTT:           bell(flow.RTTLayout, 40, 20),
			RTTVariation:  bell(flow.RTTLayout, 30, 20),
			ReceiveWindow: bell(flow.WindowLayout, 14, 4),
			SendWindow:    bell(flow.WindowLayout, 14, 4),
		}
		d.Live[1] = 1
		table.Add(&d)
	}
	table.Seal(flow.Instant{Wall: 2e18, Boot: 2}, flow.Report{}, true)
	return table
}

func bell(layout flow.Layout, first, count int) flow.Sample {
	s := flow.Sample{Counts: make([]uint32, layout.Count), Sum: 1e6}
	for i := range count {
		s.Counts[first+i] = uint32(1 + min(i, count-1-i))
	}
	return s
}

// BenchmarkExport writes all flows and encodes them as they leave by OTLP.
func BenchmarkExport(b *testing.B) {
	for _, histogram := range histograms {
		for _, flows := range []int{1, 64, 1000, 10_000, 65_536} {
			b.Run(fmt.Sprintf("%s/flows=%d", histogram, flows), func(b *testing.B) {
				benchmarkExport(b, histogram, flows)
			})
		}
	}
}

func benchmarkExport(b *testing.B, histogram Histogram, flows int) {
	o := busyObserver(histogram, flows)
	var encoder pmetric.ProtoMarshaler
	points, size, pieces := 0, 0, 0
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		points, size, pieces = 0, 0, 0
		for at, groups := (cursor{}), o.table.Groups(); at.group < len(groups); {
			var p piece
			p, at = at.next(groups, pieceFlows)
			md := o.write(p)
			encoded, err := encoder.MarshalMetrics(md)
			require.NoError(b, err)
			points += md.DataPointCount()
			size += len(encoded)
			pieces++
		}
	}
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N*flows), "cpu-ns/flow")
	b.ReportMetric(float64(size)/float64(pieces)/1024, "KiB/piece")
	b.ReportMetric(float64(points)/float64(flows), "points/flow")
}

// BenchmarkPiece compares writing a piece with what pdata takes to copy it,
// which nothing that writes pdata can go below, and to encode it.
func BenchmarkPiece(b *testing.B) {
	for _, histogram := range histograms {
		o := busyObserver(histogram, pieceFlows)
		p, _ := cursor{}.next(o.table.Groups(), pieceFlows)
		written := o.write(p)
		var encoder pmetric.ProtoMarshaler
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"write", func() { o.write(p) }},
			{"copy", func() { written.CopyTo(pmetric.NewMetrics()) }},
			{"encode", func() { _, _ = encoder.MarshalMetrics(written) }},
		} {
			b.Run(fmt.Sprintf("%s/%s", histogram, step.name), func(b *testing.B) {
				before := cpuTime(b)
				for b.Loop() {
					step.do()
				}
				b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N*pieceFlows), "cpu-ns/flow")
			})
		}
	}
}

func busyObserver(histogram Histogram, flows int) *observer {
	cfg := createDefaultConfig().(*Config)
	cfg.Histogram = histogram
	return &observer{
		table:  busyTable(flows),
		writer: newWriter(cfg, newHost("node", "m", "b"), component.NewDefaultBuildInfo()),
	}
}

// cpuTime is what all threads used so far, the garbage collector's included.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
