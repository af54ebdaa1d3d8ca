// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyconnector

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
)

// A junction is all that has one component ID. A collector makes one connector for each
// kind of pipeline behind it, and gives all of them the same metrics: what comes twice must
// be watched once.
type junction struct {
	set anomaly.Settings
	cfg *anomaly.Config

	// What is behind the connector, nil if no such pipeline is. Set before anything starts.
	metrics consumer.Metrics
	logs    consumer.Logs

	mu sync.Mutex
	in *anomaly.MetricsSide // nil before the first start, and from the first shutdown on
	to *anomaly.LogsSide    // nil without a logs pipeline
}

// junctions are those in use, by their configuration: it is one for each component ID.
var junctions = struct {
	sync.Mutex
	byConfig map[*anomaly.Config]*junction
}{byConfig: make(map[*anomaly.Config]*junction)}

// junctionOf returns the junction of a configuration.
func junctionOf(set connector.Settings, cfg *anomaly.Config) *junction {
	junctions.Lock()
	defer junctions.Unlock()
	j := junctions.byConfig[cfg]
	if j == nil {
		j = &junction{set: settings(set), cfg: cfg}
		junctions.byConfig[cfg] = j
	}
	return j
}

// start starts all of the junction, once: a collector starts what is behind a connector
// before any of the connector, and what is before it after all of it.
func (j *junction) start(ctx context.Context, host component.Host) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.in != nil {
		return nil
	}
	in := anomaly.NewMetricsSide(j.set, j.cfg, j.metrics)
	if err := in.Start(ctx, host); err != nil {
		return err
	}
	j.in = in
	if j.logs == nil {
		return nil
	}
	j.to = anomaly.NewLogsSide(j.set, j.cfg, j.logs)
	return j.to.Start(ctx, host)
}

// shutdown ends all of the junction, at the first call: nothing comes any more, and all that
// is behind it still takes what is left.
func (j *junction) shutdown(ctx context.Context) error {
	junctions.Lock()
	delete(junctions.byConfig, j.cfg)
	junctions.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	if j.in != nil {
		errs = append(errs, j.in.Shutdown(ctx))
	}
	if j.to != nil {
		errs = append(errs, j.to.Shutdown(ctx))
	}
	j.in, j.to = nil, nil
	return errors.Join(errs...)
}

// side is where metrics go in, nil if it is not there.
func (j *junction) side() *anomaly.MetricsSide {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.in
}

// A passing connector leads from metrics to metrics.
type passing struct{ *junction }

// Start starts the junction.
func (c passing) Start(ctx context.Context, host component.Host) error { return c.start(ctx, host) }

// Shutdown ends it.
func (c passing) Shutdown(ctx context.Context) error { return c.shutdown(ctx) }

// Capabilities tells whether metrics are changed.
func (c passing) Capabilities() consumer.Capabilities {
	return anomaly.NewMetricsSide(c.set, c.cfg, c.metrics).Capabilities()
}

// ConsumeMetrics watches metrics and hands them on.
func (c passing) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if side := c.side(); side != nil {
		return side.ConsumeMetrics(ctx, md)
	}
	return c.metrics.ConsumeMetrics(ctx, md)
}

// A telling connector leads from metrics to logs.
type telling struct{ *junction }

// Start starts the junction.
func (c telling) Start(ctx context.Context, host component.Host) error { return c.start(ctx, host) }

// Shutdown ends it.
func (c telling) Shutdown(ctx context.Context) error { return c.shutdown(ctx) }

// Capabilities says that metrics are looked at only.
func (telling) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

// ConsumeMetrics watches metrics, unless the passing connector is given the same ones.
func (c telling) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if side := c.side(); side != nil && c.metrics == nil {
		return side.ConsumeMetrics(ctx, md)
	}
	return nil
}
