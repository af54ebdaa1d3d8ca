// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	otelmetric "go.opentelemetry.io/otel/metric"

	"github.com/tcpwhy/tcpwhy/internal/anomaly/internal/metadata"
	"github.com/tcpwhy/tcpwhy/internal/identity/directory"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// observe lets the processor tell of itself whenever somebody asks.
func (p *MetricsSide) observe(set component.TelemetrySettings) error {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return fmt.Errorf("make telemetry: %w", err)
	}
	p.telemetry = builder
	return errors.Join(p.observeDirectory(), p.observeReducer(), p.observeDetection())
}

func (p *MetricsSide) observeDirectory() error {
	errUnresolved := p.telemetry.RegisterTCPAnomalyUnresolvedCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
		o.Observe(int64(p.directory.unresolved.Load()))
		return nil
	})
	opened, ok := p.directory.openDirectory.(interface{ Status() directory.Status })
	if !ok {
		return errUnresolved
	}
	each := func(f func(*sourceStatus, otelmetric.MeasurementOption)) error {
		for _, s := range sources(opened.Status(), p.clock.Now()) {
			f(&s, otelmetric.WithAttributes(attribute.String(names.IdentitySource, s.name)))
		}
		return nil
	}
	return errors.Join(errUnresolved,
		p.telemetry.RegisterTCPAnomalyIdentitiesCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
			return each(func(s *sourceStatus, source otelmetric.MeasurementOption) { o.Observe(s.identities, source) })
		}),
		p.telemetry.RegisterTCPAnomalyIdentityCurrentCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
			return each(func(s *sourceStatus, source otelmetric.MeasurementOption) { o.Observe(s.current, source) })
		}),
		p.telemetry.RegisterTCPAnomalyIdentityAgeCallback(func(_ context.Context, o otelmetric.Float64Observer) error {
			return each(func(s *sourceStatus, source otelmetric.MeasurementOption) { o.Observe(s.age.Seconds(), source) })
		}))
}

// A sourceStatus is how well a source of identities is.
type sourceStatus struct {
	name       string
	identities int64
	current    int64 // 1 if it is
	age        time.Duration
}

func sources(status directory.Status, now time.Time) (all []sourceStatus) {
	if s := status.Static; s != nil {
		all = append(all, sourceStatus{
			name: names.IdentityStatic, identities: int64(s.Entries.Workloads + s.Entries.Services),
			current: number(s.Err == nil), age: now.Sub(s.Read),
		})
	}
	if k := status.Kubernetes; k != nil {
		all = append(all, sourceStatus{
			name: names.IdentityKubernetes, identities: int64(k.Sizes.Pods + k.Sizes.Services + k.Sizes.Nodes),
			current: number(k.Current()), age: k.Age(now),
		})
	}
	return all
}

func number(truth bool) int64 {
	if truth {
		return 1
	}
	return 0
}

func (p *MetricsSide) observeReducer() error {
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
		t.RegisterTCPAnomalyStartsAheadCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Ahead })),
		t.RegisterTCPAnomalyPointsLateCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Late })),
		t.RegisterTCPAnomalyPointsForgottenCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Forgotten })),
		t.RegisterTCPAnomalyPointsDuplicateCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Duplicate })),
		t.RegisterTCPAnomalyPointsOverflowCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Overflow })),
		t.RegisterTCPAnomalyPointsRefusedCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Refused })),
		t.RegisterTCPAnomalyPointsInvalidCallback(read(func(t *reduce.Table) uint64 { return t.Stats.Invalid })),
	)
}
