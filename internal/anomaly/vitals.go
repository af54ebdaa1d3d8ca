// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	otelmetric "go.opentelemetry.io/otel/metric"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// observeDetection tells of the engine that all pipelines share, and of its events.
func (p *MetricsSide) observeDetection() error {
	if !p.leads {
		return nil
	}
	size := func(value func(engine.Sizes) int) otelmetric.Int64Callback {
		return func(_ context.Context, o otelmetric.Int64Observer) error {
			sizes, _ := p.desk.vitals()
			o.Observe(int64(value(sizes)))
			return nil
		}
	}
	t := p.telemetry
	return errors.Join(p.observeMemory(),
		t.RegisterTCPAnomalyPairsCallback(size(func(s engine.Sizes) int { return s.Tracks })),
		t.RegisterTCPAnomalyOpenAnomaliesCallback(size(func(s engine.Sizes) int { return s.Anomalies })),
		t.RegisterTCPAnomalyOpenProblemsCallback(size(func(s engine.Sizes) int { return s.Problems })),
		t.RegisterTCPAnomalyDetectionPointsUnusedCallback(p.reasons(func() map[string]uint64 {
			_, l := p.desk.vitals()
			return map[string]uint64{names.DropLate: l.Late, names.DropNoRoom: l.NoRoom + l.Refused, names.DropMalformed: l.Malformed}
		})),
		t.RegisterTCPAnomalyDetectionReportsSkewedCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
			_, l := p.desk.vitals()
			o.Observe(int64(l.Skewed))
			return nil
		}),
		t.RegisterTCPAnomalyProblemsDroppedCallback(p.reasons(func() map[string]uint64 {
			_, l := p.desk.vitals()
			return map[string]uint64{names.DropNoRoom: l.Problems}
		})),
		t.RegisterTCPAnomalyCallsDroppedCallback(p.reasons(func() map[string]uint64 {
			_, l := p.desk.vitals()
			return map[string]uint64{names.DropNoRoom: l.Calls}
		})),
		t.RegisterTCPAnomalyTotalsOverflowCallback(p.reasons(func() map[string]uint64 {
			return map[string]uint64{names.DropNoRoom: p.desk.overflow()}
		})),
		t.RegisterTCPAnomalyDetectionSeriesUnusedCallback(p.reasons(func() map[string]uint64 {
			_, l := p.desk.vitals()
			return map[string]uint64{names.DropRefused: l.Series, names.DropEvicted: l.Evicted}
		})),
		t.RegisterTCPAnomalyAcknowledgementsCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
			acknowledged, _ := p.desk.acknowledgements()
			o.Observe(int64(acknowledged))
			return nil
		}),
		t.RegisterTCPAnomalyAcknowledgementsUnknownCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
			_, unknown := p.desk.acknowledgements()
			o.Observe(int64(unknown))
			return nil
		}),
		t.RegisterTCPAnomalyEventsSentCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
			sent, _ := p.desk.fates()
			o.Observe(int64(sent))
			return nil
		}),
		t.RegisterTCPAnomalyEventsDroppedCallback(p.reasons(func() map[string]uint64 {
			_, dropped := p.desk.fates()
			return dropped
		})),
	)
}

// observeMemory tells of the storage, if there is any.
func (p *MetricsSide) observeMemory() error {
	if p.memory == nil {
		return nil
	}
	return p.telemetry.RegisterTCPAnomalyStorageFailuresCallback(func(_ context.Context, o otelmetric.Int64Observer) error {
		o.Observe(p.memory.failures.Load())
		return nil
	})
}

// reasons tells numbers by reason.
func (p *MetricsSide) reasons(numbers func() map[string]uint64) otelmetric.Int64Callback {
	return func(_ context.Context, o otelmetric.Int64Observer) error {
		for reason, n := range numbers() {
			o.Observe(int64(n), otelmetric.WithAttributes(attribute.String(names.DropReason, reason)))
		}
		return nil
	}
}
