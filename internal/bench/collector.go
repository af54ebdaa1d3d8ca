// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver"
)

const (
	collectionInterval = 500 * time.Millisecond
	// collectorFlows are the ends of half as many connections.
	collectorFlows = 10_000
)

// A footprint is what the receiver took with one kind of histogram.
type footprint struct {
	empty, full uint64 // heap in bytes, without flows and with
	intervals   intervals
}

// collector prints what the user's side of the product takes.
func (b *bench) collector() error {
	if err := b.flowTable(); err != nil {
		return err
	}
	var all []*footprint
	columns := []string{"histogram"}
	for _, h := range []ebpftcpreceiver.Histogram{ebpftcpreceiver.HistogramExplicit, ebpftcpreceiver.HistogramExponential} {
		f, err := b.footprint(h, ebpftcpreceiver.GranularityConnection)
		if err != nil {
			return err
		}
		all = append(all, f)
		columns = append(columns, string(h))
	}
	if err := b.printFootprints(all, columns); err != nil {
		return err
	}
	return b.granularities(all[0])
}

// granularities prints what leaves the host, by what makes a flow. What connections give
// is known.
func (b *bench) granularities(connections *footprint) error {
	t := newTable(fmt.Sprintf("What the receiver exports of %d open connections to %d addresses, both ends: medians of %d intervals",
		collectorFlows/2, fewAddresses, b.repetitions), "granularity", "flows", "data points", "bytes an interval", "CPU ms")
	for _, g := range []ebpftcpreceiver.Granularity{ebpftcpreceiver.GranularityConnection,
		ebpftcpreceiver.GranularityEndpoint, ebpftcpreceiver.GranularityPeer} {
		f, err := connections, error(nil)
		if g != ebpftcpreceiver.GranularityConnection {
			f, err = b.footprint(ebpftcpreceiver.HistogramExplicit, g)
		}
		if err != nil {
			return err
		}
		t.row(string(g), number(f.flows()),
			number(f.intervals.median(func(t total) float64 { return float64(t.points) })),
			number(f.intervals.median(func(t total) float64 { return float64(t.bytes) })),
			f.ms(func(t total) time.Duration { return t.cpu }))
	}
	t.note("bytes: OTLP's protobuf, not compressed; others on this machine have flows too")
	return t.print(b.out)
}

func (b *bench) footprint(h ebpftcpreceiver.Histogram, g ebpftcpreceiver.Granularity) (_ *footprint, err error) {
	s := &sink{begins: make(chan total, 1000)}
	r, err := startReceiver(h, g, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Shutdown(context.Background())) }()
	f := &footprint{}
	if f.empty, err = s.heap(); err != nil {
		return nil, err
	}
	return f, withCrowd(collectorFlows/2, fewAddresses, func(c *crowd) (err error) {
		if err := c.exchange(3 * b.repetitions); err != nil {
			return err
		}
		if f.full, err = s.heap(); err != nil {
			return err
		}
		f.intervals, err = s.intervals(b.repetitions)
		return err
	})
}

func (b *bench) printFootprints(all []*footprint, columns []string) error {
	t := newTable(fmt.Sprintf("The receiver in this process, on about %d flows of open connections: medians of %d intervals", collectorFlows, b.repetitions), columns...)
	row := func(title string, figure func(*footprint) string) {
		cells := []string{title}
		for _, f := range all {
			cells = append(cells, figure(f))
		}
		t.row(cells...)
	}
	row("flows", func(f *footprint) string { return number(f.flows()) })
	row("buckets of an exponential RTT histogram", func(f *footprint) string {
		if f.intervals[0].buckets == 0 {
			return "–"
		}
		return f.each(func(t total) float64 { return float64(t.buckets) })
	})
	row("CPU an interval, ms", func(f *footprint) string { return f.ms(func(t total) time.Duration { return t.cpu }) })
	row("of it sweep, drain and table", func(f *footprint) string { return f.ms(func(t total) time.Duration { return t.collect }) })
	row("of it making OTLP data", func(f *footprint) string {
		return f.ms(func(t total) time.Duration { return t.cpu - t.collect - t.marshal })
	})
	row("of it encoding", func(f *footprint) string { return f.ms(func(t total) time.Duration { return t.marshal }) })
	row("data points a flow", func(f *footprint) string { return f.each(func(t total) float64 { return float64(t.points) }) })
	row("encoded bytes a flow", func(f *footprint) string { return f.each(func(t total) float64 { return float64(t.bytes) }) })
	row("objects allocated, a flow", func(f *footprint) string { return f.each(func(t total) float64 { return float64(t.objects) }) })
	row("heap, bytes a flow", func(f *footprint) string { return number((float64(f.full) - float64(f.empty)) / f.flows()) })
	row("heap without flows, MiB", func(f *footprint) string { return number(float64(f.empty) / (1 << 20)) })
	t.note("CPU: all of the process, garbage collection included")
	return t.print(b.out)
}

func (f *footprint) flows() float64 {
	return f.intervals.median(func(t total) float64 { return float64(t.flows) })
}

func (f *footprint) each(figure func(total) float64) string {
	return number(f.intervals.median(figure) / f.flows())
}

func (f *footprint) ms(part func(total) time.Duration) string {
	return number(f.intervals.median(func(t total) float64 { return part(t).Seconds() * 1e3 }))
}

// startReceiver starts the receiver with its defaults but for what makes a flow and how
// histograms look.
func startReceiver(h ebpftcpreceiver.Histogram, g ebpftcpreceiver.Granularity, s *sink) (receiver.Metrics, error) {
	factory := ebpftcpreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig().(*ebpftcpreceiver.Config)
	cfg.Granularity, cfg.Histogram = g, h
	cfg.CollectionInterval, cfg.InitialDelay = collectionInterval, 0
	next, err := consumer.NewMetrics(s.consume)
	if err != nil {
		return nil, fmt.Errorf("make consumer: %w", err)
	}
	set := receiver.Settings{
		ID:                component.NewID(factory.Type()),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
		BuildInfo:         component.NewDefaultBuildInfo(),
	}
	r, err := factory.CreateMetrics(context.Background(), set, cfg, next)
	if err != nil {
		return nil, fmt.Errorf("make receiver: %w", err)
	}
	if err := r.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		return nil, fmt.Errorf("start receiver: %w", err)
	}
	return r, nil
}
