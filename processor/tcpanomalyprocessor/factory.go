// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
	"github.com/tcpwhy/tcpwhy/processor/tcpanomalyprocessor/internal/metadata"
)

// NewFactory returns the factory of tcp_anomaly. It serves metrics, which are
// what it watches, and logs, because its verdicts leave as log records.
func NewFactory() processor.Factory { return newFactory(anomaly.Clock{}) }

// A maker makes the components, by a clock.
type maker struct{ clock anomaly.Clock }

func newFactory(clock anomaly.Clock) processor.Factory {
	m := maker{clock}
	return processor.NewFactory(
		metadata.Type,
		anomaly.CreateDefaultConfig,
		processor.WithMetrics(m.createMetrics, metadata.MetricsStability),
		processor.WithLogs(m.createLogs, metadata.LogsStability),
	)
}

func (m maker) settings(set processor.Settings) anomaly.Settings {
	return anomaly.Settings{
		ID: set.ID, Kind: component.KindProcessor, Scope: metadata.ScopeName, Clock: m.clock,
		TelemetrySettings: set.TelemetrySettings, BuildInfo: set.BuildInfo,
	}
}

func (m maker) createMetrics(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
	side := anomaly.NewMetricsSide(m.settings(set), cfg.(*anomaly.Config), next)
	process := func(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
		if md = side.Process(md); md.ResourceMetrics().Len() == 0 {
			return md, processorhelper.ErrSkipProcessingData
		}
		return md, nil
	}
	return processorhelper.NewMetrics(ctx, set, cfg, next, process,
		processorhelper.WithStart(side.Start), processorhelper.WithShutdown(side.Shutdown),
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: side.Mutates()}))
}

func (m maker) createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	side := anomaly.NewLogsSide(m.settings(set), cfg.(*anomaly.Config), next)
	pass := func(_ context.Context, ld plog.Logs) (plog.Logs, error) {
		side.Acknowledge(ld)
		return ld, nil
	}
	return processorhelper.NewLogs(ctx, set, cfg, next, pass,
		processorhelper.WithStart(side.Start), processorhelper.WithShutdown(side.Shutdown),
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}))
}
