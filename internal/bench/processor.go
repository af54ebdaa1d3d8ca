// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
	"github.com/tcpwhy/tcpwhy/internal/identity/directory"
	"github.com/tcpwhy/tcpwhy/internal/identity/static"
	"github.com/tcpwhy/tcpwhy/processor/tcpanomalyprocessor"
)

// processor prints what the processor takes to name both ends of flows, and to add
// them up: the component that users have, and a static file that knows everybody.
func (b *bench) processor() error {
	folder, err := os.MkdirTemp("", "tcpwhy-bench-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "identities.yaml")
	if err := os.WriteFile(path, shopIdentities(), 0o600); err != nil {
		return fmt.Errorf("write identities: %w", err)
	}
	points := newShop().next().DataPointCount()
	t := newTable(fmt.Sprintf("The processor: %d data points an interval, of %d flows", points, shopFlows),
		"aggregate", "ns a point", "objects a point", "to export: ns a point", "objects a point", "series")
	for _, level := range []anomaly.Aggregate{
		anomaly.AggregateNone, anomaly.AggregatePod, anomaly.AggregateWorkload,
	} {
		if err := b.level(t, level, path); err != nil {
			return fmt.Errorf("aggregate %s: %w", level, err)
		}
	}
	t.note("CPU time of all threads, the garbage collector's included; none writes its names on each data point")
	return t.print(b.out)
}

// level measures one level of aggregation.
func (b *bench) level(t *table, level anomaly.Aggregate, identities string) error {
	factory := tcpanomalyprocessor.NewFactory()
	cfg := factory.CreateDefaultConfig().(*anomaly.Config)
	cfg.Identity = &directory.Config{Static: &static.Config{File: identities}}
	cfg.Aggregate, cfg.Interval, cfg.MaxStale = level, 24*time.Hour, 24*time.Hour
	ctx := context.Background()
	sink := new(consumertest.MetricsSink)
	p, err := factory.CreateMetrics(ctx, processortest.NewNopSettings(factory.Type()), cfg, sink)
	if err != nil {
		return err
	}
	if err := p.Start(ctx, componenttest.NewNopHost()); err != nil {
		return err
	}
	s := newShop()
	if err := p.ConsumeMetrics(ctx, s.next()); err != nil {
		return err
	}
	var add usage
	points := 0
	for range b.repetitions {
		sink.Reset()
		md := s.next()
		points += md.DataPointCount()
		if err := add.measure(func() error { return p.ConsumeMetrics(ctx, md) }); err != nil {
			return err
		}
	}
	var export usage
	if level != anomaly.AggregateNone {
		sink.Reset()
	}
	if err := export.measure(func() error { return p.Shutdown(ctx) }); err != nil {
		return err
	}
	interval := float64(points) / float64(b.repetitions)
	t.row(string(level), number(float64(add.cpu.Nanoseconds())/float64(points)), fmt.Sprintf("%.3f", float64(add.objects)/float64(points)),
		number(float64(export.cpu.Nanoseconds())/interval), fmt.Sprintf("%.3f", float64(export.objects)/interval), fmt.Sprint(sink.DataPointCount()))
	return nil
}

// measure adds what a function uses.
func (u *usage) measure(f func() error) error {
	begin, err := readUsage()
	if err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	end, err := readUsage()
	u.cpu += end.cpu - begin.cpu
	u.objects += end.objects - begin.objects
	return err
}
