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

// NewFactory returns the factory of ebpf_tcp. It serves metrics, which are all
// that it sends at present, and logs, because events of single connections are
// to leave as log records.
func NewFactory() receiver.Factory {
	return newFactory(newPool(openKernel, now))
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
			_ context.Context, set receiver.Settings, cfg component.Config, _ consumer.Logs,
		) (receiver.Logs, error) {
			return &logsReceiver{pool: pool, cfg: cfg.(*Config), logger: set.Logger}, nil
		}, metadata.LogsStability),
	)
}
