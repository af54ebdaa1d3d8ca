// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/tcpwhy/tcpwhy/processor/tcpanomalyprocessor/internal/metadata"
)

// NewFactory returns the factory of tcp_anomaly. It serves metrics, which are
// what it watches, and logs, because its verdicts leave as log records.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		metadata.Type,
		createDefaultConfig,
		processor.WithMetrics(createMetrics, metadata.MetricsStability),
		processor.WithLogs(createLogs, metadata.LogsStability),
	)
}

func createMetrics(
	ctx context.Context,
	set processor.Settings,
	cfg component.Config,
	next consumer.Metrics,
) (processor.Metrics, error) {
	return newMetricsProcessor(set, cfg.(*Config), next).component(ctx)
}

func createLogs(
	ctx context.Context,
	set processor.Settings,
	cfg component.Config,
	next consumer.Logs,
) (processor.Logs, error) {
	side := newLogsSide(set, cfg.(*Config), next)
	return processorhelper.NewLogs(ctx, set, cfg, next, passLogs,
		processorhelper.WithStart(side.start), processorhelper.WithShutdown(side.shutdown),
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}))
}
