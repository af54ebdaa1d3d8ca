// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// NewFactory returns the factory of ebpf_tcp. It serves metrics, and logs: events of
// single connections.
func NewFactory() receiver.Factory {
	p := newPool(openKernel, now)
	p.drop = dropSpare
	return newFactory(p)
}

func newFactory(pool *pool) receiver.Factory {
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithMetrics(func(
			_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics,
		) (receiver.Metrics, error) {
			return newMetricsReceiver(pool, set, cfg.(*Config), next)
		}, metadata.MetricsStability),
		receiver.WithLogs(func(
			_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
		) (receiver.Logs, error) {
			return newLogsReceiver(pool, set, cfg.(*Config), next)
		}, metadata.LogsStability),
	)
}
