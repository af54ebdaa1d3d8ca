// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	otelmetric "go.opentelemetry.io/otel/metric"

	"github.com/tcpwhy/tcpwhy/internal/identity/directory"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
	"github.com/tcpwhy/tcpwhy/processor/tcpanomalyprocessor/internal/metadata"
)

// observe lets the processor tell of itself whenever somebody asks.
func (p *metricsProcessor) observe(set component.TelemetrySettings) error {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return fmt.Errorf("make telemetry: %w", err)
	}
	p.telemetry = builder
	return errors.Join(p.observeDirectory(), p.observeReducer())
}

func (p *metricsProcessor) observeDirectory() error {
	errUnresolved := p.telemetry.RegisterTCPAnomalyUnresolvedCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
		o.Observe(int64(p.directory.unresolved.Load()))
		return nil
	})
	opened, ok := p.directory.openDirectory.(interface{ Status() directory.Status })
	if !ok || opened.Status().Static == nil {
		return errUnresolved
	}
	status := func() (entries, current int64, age float64) {
		s := opened.Status().Static
		if s.Err == nil {
			current = 1
		}
		return int64(s.Entries.Workloads + s.Entries.Services), current, p.clock.now().Sub(s.Read).Seconds()
	}
	return errors.Join(errUnresolved,
		p.telemetry.RegisterTCPAnomalyIdentitiesCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
			entries, _, _ := status()
			o.Observe(entries)
			return nil
		}),
		p.telemetry.RegisterTCPAnomalyIdentityCurrentCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
			_, current, _ := status()
			o.Observe(current)
			return nil
		}),
		p.telemetry.RegisterTCPAnomalyIdentityAgeCallback(func(_ context.Context, o otelmetric.Float64Observer) error {
			_, _, age := status()
			o.Observe(age)
			return nil
		}))
}

func (p *metricsProcessor) observeReducer() error {
	if p.reducer == nil {
		return nil
	}
	read := func(value func(*reduce.Table) uint64) otelmetric.Int64Callback {
		return func(_ context.Context, o otelmetric.Int64Observer) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			o.Observe(int64(value(p.reducer.table)))
			return nil
		}
	}
	t := p.telemetry
	return errors.Join(
		t.RegisterTCPAnomalySeriesCallback(read(func(t *reduce.Table) uint64 { _, n := t.Len(); return uint64(n) })),
		t.RegisterTCPAnomalyInputSeriesCallback(read(func(t *reduce.Table) uint64 { n, _ := t.Len(); return uint64(n) })),
		t.RegisterTCPAnomalyBaselinesCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Baselines })),
		t.RegisterTCPAnomalyResetsCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Resets })),
		t.RegisterTCPAnomalyPointsLateCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Late })),
		t.RegisterTCPAnomalyPointsForgottenCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Forgotten })),
		t.RegisterTCPAnomalyPointsDuplicateCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Duplicate })),
		t.RegisterTCPAnomalyPointsOverflowCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Overflow })),
		t.RegisterTCPAnomalyPointsRefusedCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Refused })),
		t.RegisterTCPAnomalyPointsInvalidCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Invalid })),
	)
}
