// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"os"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

const (
	// firstRetry is how long the first attempt to deliver again waits; each
	// further one waits twice as long, and the next interval ends them all.
	firstRetry = 100 * time.Millisecond
	// flushAttempts bounds the attempts of a shutdown.
	flushAttempts = 3
	// overflowOwners is the number of processes with an overflow flow of their
	// own.
	overflowOwners = 1024
)

// A metricsReceiver is the end of a metrics pipeline.
type metricsReceiver struct {
	pool   *pool
	cfg    *Config
	next   consumer.Metrics
	status *status
	build  component.BuildInfo

	cancel context.CancelFunc // nil unless started
	flush  chan context.Context
	done   chan error
}

func newMetricsReceiver(
	pool *pool, set receiver.Settings, cfg *Config, next consumer.Metrics,
) (*metricsReceiver, error) {
	status, err := newStatus(set)
	if err != nil {
		return nil, err
	}
	pool.join(cfg, pipelines{metrics: true})
	return &metricsReceiver{pool: pool, cfg: cfg, next: next, status: status, build: set.BuildInfo}, nil
}

// Start opens the kernel side and begins to export.
func (r *metricsReceiver) Start(context.Context, component.Host) error {
	host, err := readHost(os.DirFS("/"))
	if err != nil {
		return err
	}
	share, err := r.pool.acquire(r.cfg)
	if err != nil {
		explain(r.status.logger, err)
		return err
	}
	r.status.logger.Debug("flows that are told apart", zap.Int("max_flows", share.flows))
	announce(r.status, r.pool, share)
	if !share.kernel.Whole() {
		r.status.logger.Warn("the cgroup is not the root of this host's hierarchy: connections of processes outside " +
			"of it are not observed, and tcp.flow.coverage does not know of them")
	}
	if r.cfg.Events.enabled() && !r.pool.joined(r.cfg).logs {
		r.status.logger.Warn("events are switched on, but this component is in no logs pipeline: they go nowhere")
	}
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(context.Background())
	r.flush, r.done = make(chan context.Context, 1), make(chan error, 1)
	go func() {
		o := r.observer(share, host)
		r.run(ctx, o)
		r.last(<-r.flush, o)
		r.done <- r.pool.release(r.cfg)
	}()
	return nil
}

// Shutdown exports what happened until now and closes the kernel side. It is
// safe without Start, and twice. It returns ctx's error if the pipeline does not
// let go of an export until then.
func (r *metricsReceiver) Shutdown(ctx context.Context) error {
	if r.cancel == nil {
		return nil
	}
	r.flush <- ctx
	r.cancel()
	r.cancel = nil
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *metricsReceiver) observer(share *share, host host) *observer {
	limits := flow.Limits{Flows: share.flows, Overflows: overflowOwners, Idle: r.cfg.FlowIdleTimeout}
	return &observer{
		kernel:       share.kernel,
		cadence:      newCadence(r.status, r.cfg.CollectionInterval),
		now:          r.pool.now,
		next:         r.next,
		table:        flow.NewTable(limits, share.opened, share.kernel.Owner),
		writer:       newWriter(r.cfg, host, r.build),
		status:       r.status,
		completeness: completeness{start: share.opened},
	}
}

// run exports each interval until ctx is done.
func (r *metricsReceiver) run(ctx context.Context, o *observer) {
	interval := time.NewTimer(r.cfg.InitialDelay)
	defer interval.Stop()
	var retry <-chan time.Time
	var wait time.Duration
	for ctx.Err() == nil { // asked first: an interval may be over too
		select {
		case <-ctx.Done():
			return
		case <-interval.C:
			begin := time.Now()
			o.collect(ctx)
			interval.Reset(o.cadence.interval - time.Since(begin))
			wait = firstRetry
		case <-retry:
			wait *= 2
		}
		retry = nil
		err := o.deliver(ctx)
		r.status.delivered(ctx, err)
		if err != nil {
			retry = time.After(wait)
		}
	}
}

// last exports what happened since the last interval.
func (r *metricsReceiver) last(ctx context.Context, o *observer) {
	o.collect(ctx)
	wait := firstRetry
	for attempt := 1; ; attempt++ {
		err := o.deliver(ctx)
		r.status.delivered(ctx, err)
		if err == nil {
			return
		}
		if attempt == flushAttempts || !sleep(ctx, wait) {
			r.status.logger.Warn("the last export was not accepted", zap.Int("attempts", attempt), zap.Error(err))
			return
		}
		wait *= 2
	}
}

// sleep returns false if ctx was done first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
