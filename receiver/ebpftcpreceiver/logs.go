// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"
)

// A logsReceiver is the end of a logs pipeline. It sends nothing at present.
type logsReceiver struct {
	pool    *pool
	cfg     *Config
	logger  *zap.Logger
	started bool
}

// Start opens the kernel side, so that what is missing shows at the start.
func (r *logsReceiver) Start(context.Context, component.Host) error {
	if _, err := r.pool.acquire(r.cfg); err != nil {
		explain(r.logger, err)
		return err
	}
	r.started = true
	r.logger.Info("ebpf_tcp sends no logs in this version")
	return nil
}

// Shutdown is safe without Start, and twice.
func (r *logsReceiver) Shutdown(context.Context) error {
	if !r.started {
		return nil
	}
	r.started = false
	return r.pool.release(r.cfg)
}
