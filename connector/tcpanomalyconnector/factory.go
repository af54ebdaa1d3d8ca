// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyconnector

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"

	"github.com/tcpwhy/tcpwhy/connector/tcpanomalyconnector/internal/metadata"
	"github.com/tcpwhy/tcpwhy/internal/anomaly"
)

// NewFactory returns the factory of tcp_anomaly.
func NewFactory() connector.Factory {
	return connector.NewFactory(
		metadata.Type,
		anomaly.CreateDefaultConfig,
		connector.WithMetricsToLogs(createMetricsToLogs, metadata.MetricsToLogsStability),
		connector.WithMetricsToMetrics(createMetricsToMetrics, metadata.MetricsToMetricsStability),
	)
}

func settings(set connector.Settings) anomaly.Settings {
	return anomaly.Settings{
		ID: set.ID, Kind: component.KindConnector, Scope: metadata.ScopeName,
		TelemetrySettings: set.TelemetrySettings, BuildInfo: set.BuildInfo,
	}
}

func createMetricsToMetrics(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Metrics, error) {
	j := junctionOf(set, cfg.(*anomaly.Config))
	j.metrics = next
	return passing{j}, nil
}

func createMetricsToLogs(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Metrics, error) {
	j := junctionOf(set, cfg.(*anomaly.Config))
	j.logs = next
	return telling{j}, nil
}
