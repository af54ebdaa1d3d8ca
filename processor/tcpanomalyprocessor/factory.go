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
func NewFactory() processor.Factory {
	return processor.NewFactory(
		metadata.Type,
		anomaly.CreateDefaultConfig,
		processor.WithMetrics(createMetrics, metadata.MetricsStability),
		processor.WithLogs(createLogs, metadata.LogsStability),
	)
}

func settings(set processor.Settings) anomaly.Settings {
	return anomaly.Settings{
		ID: set.ID, Kind: component.KindProcessor, Scope: metadata.ScopeName,
		TelemetrySettings: set.TelemetrySettings, BuildInfo: set.BuildInfo,
	}
}

func createMetrics(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
	side := anomaly.NewMetricsSide(settings(set), cfg.(*anomaly.Config), next)
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

func createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	side := anomaly.NewLogsSide(settings(set), cfg.(*anomaly.Config), next)
	pass := func(_ context.Context, ld plog.Logs) (plog.Logs, error) { return ld, nil }
	return processorhelper.NewLogs(ctx, set, cfg, next, pass,
		processorhelper.WithStart(side.Start), processorhelper.WithShutdown(side.Shutdown),
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}))
}
