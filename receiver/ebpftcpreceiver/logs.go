// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A logsReceiver is the end of a logs pipeline: it sends events of single
// connections.
type logsReceiver struct {
	pool   *pool
	cfg    *Config
	next   consumer.Logs
	status *status
	build  component.BuildInfo

	cancel context.CancelFunc // nil unless started and events are switched on
	stop   context.CancelFunc // comes before it: events that happened are still sent
	reader eventReader
	done   chan error
}

func newLogsReceiver(pool *pool, set receiver.Settings, cfg *Config, next consumer.Logs) (*logsReceiver, error) {
	status, err := newStatus(set)
	if err != nil {
		return nil, err
	}
	pool.join(cfg, pipelines{logs: true})
	return &logsReceiver{pool: pool, cfg: cfg, next: next, status: status, build: set.BuildInfo}, nil
}

// Start opens the kernel side and begins to send what happens. With no event
// switched on there is nothing to do.
func (r *logsReceiver) Start(context.Context, component.Host) error {
	if !r.cfg.Events.enabled() {
		r.status.logger.Info("no event is switched on: ebpf_tcp sends no logs")
		return nil
	}
	host, err := readHost(os.DirFS("/"))
	if err != nil {
		return err
	}
	share, err := r.pool.acquire(r.cfg)
	if err != nil {
		explain(r.status.logger, err)
		return err
	}
	announce(r.status, r.pool, share)
	if r.reader, err = share.kernel.Events(); err != nil {
		return errors.Join(err, r.pool.release(r.cfg))
	}
	var ctx, stopping context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	stopping, r.stop = context.WithCancel(ctx)
	r.done = make(chan error, 1)
	go r.run(ctx, stopping, share, r.sender(host))
	return nil
}

func (r *logsReceiver) sender(host host) *eventSender {
	return &eventSender{
		reader: r.reader,
		now:    r.pool.now,
		next:   r.next,
		writer: &eventWriter{host: host, version: r.build.Version, named: r.cfg.EventNameAttribute},
		status: r.status,
		look:   r.cfg.CollectionInterval,
		pace:   r.pool.pace,
	}
}

// run sends until the reader has been flushed.
func (r *logsReceiver) run(ctx, stopping context.Context, share *share, sender *eventSender) {
	discarding, stop := context.WithCancel(ctx)
	var others sync.WaitGroup
	if !r.pool.joined(r.cfg).metrics {
		others.Go(func() { r.discard(discarding, share.kernel) })
	}
	sender.run(ctx, stopping)
	stop()
	others.Wait()
	r.done <- errors.Join(r.reader.Close(), r.pool.release(r.cfg))
}

// discard empties the kernel side each interval, and notes what that lost: without a
// metrics pipeline nobody else does.
func (r *logsReceiver) discard(ctx context.Context, kernel kernel) {
	status := r.status.beside()
	cadence := newCadence(status, r.cfg.CollectionInterval)
	interval := time.NewTimer(cadence.interval)
	defer interval.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-interval.C:
		}
		begin := time.Now()
		report, _ := cadence.collect(ctx, kernel, func(*flow.Delta) {}) // status has noted its error
		status.lose(ctx, report)
		v, err := kernel.Vitals()
		status.examined(ctx, v, err)
		interval.Reset(cadence.interval - time.Since(begin))
	}
}

// Shutdown sends what happened until now and closes the kernel side. It is safe
// without Start, and twice. It returns ctx's error if the pipeline does not let go
// of an export until then.
func (r *logsReceiver) Shutdown(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	cancel := r.cancel
	r.cancel = nil
	defer cancel()
	if err := r.reader.Flush(); err != nil {
		return err
	}
	r.stop()
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
