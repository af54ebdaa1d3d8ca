// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	otelmetric "go.opentelemetry.io/otel/metric"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// observeDetection tells of the engine that all pipelines share, and of its events.
func (p *metricsProcessor) observeDetection() error {
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
	return errors.Join(
		t.RegisterTCPAnomalyPairsCallback(size(func(s engine.Sizes) int { return s.Tracks })),
		t.RegisterTCPAnomalyOpenAnomaliesCallback(size(func(s engine.Sizes) int { return s.Anomalies })),
		t.RegisterTCPAnomalyOpenProblemsCallback(size(func(s engine.Sizes) int { return s.Problems })),
		t.RegisterTCPAnomalyDetectionPointsUnusedCallback(p.reasons(func() map[string]uint64 {
			_, l := p.desk.vitals()
			return map[string]uint64{names.DropLate: l.Late, names.DropNoRoom: l.NoRoom + l.Refused, names.DropMalformed: l.Malformed}
		})),
		t.RegisterTCPAnomalyDetectionSeriesUnusedCallback(p.reasons(func() map[string]uint64 {
			_, l := p.desk.vitals()
			return map[string]uint64{names.DropRefused: l.Series, names.DropEvicted: l.Evicted}
		})),
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

// reasons tells numbers by reason.
func (p *metricsProcessor) reasons(numbers func() map[string]uint64) otelmetric.Int64Callback {
	return func(_ context.Context, o otelmetric.Int64Observer) error {
		for reason, n := range numbers() {
			o.Observe(int64(n), otelmetric.WithAttributes(attribute.String(names.DropReason, reason)))
		}
		return nil
	}
}
