// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// sweepAtLeast is how often live sockets are looked at while an export is blocked.
const sweepAtLeast = time.Hour

// An observer turns what the kernel side saw into exports. One goroutine uses
// it.
type observer struct {
	kernel  kernel
	cadence *cadence
	now     func() flow.Instant
	next    consumer.Metrics
	table   *flow.Table
	writer  *writer
	status  *status

	completeness completeness
	cursor       cursor
	delivered    bool
}

// collect ends an interval: what happened until now is to be delivered next.
func (o *observer) collect(ctx context.Context) {
	report, err := o.cadence.collect(ctx, o.kernel, o.table.Add)
	now := o.now()
	report = o.table.Seal(now, report, err == nil)
	o.completeness.add(report, err == nil)
	o.status.sealed(ctx, o.table.Stats(), report)
	v, err := o.kernel.Vitals()
	o.status.examined(ctx, v, err)

	o.writer.setTime(now)
	o.cursor, o.delivered = cursor{}, false
}

// deliver hands on what is left of the interval, see export. However long the pipeline
// takes over that, live sockets are looked at from time to time.
func (o *observer) deliver(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- o.export(ctx) }()
	look := time.NewTicker(sweepAtLeast)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-look.C:
			if err := o.kernel.Sweep(ctx); err != nil {
				o.status.logger.Error("look at sockets while the pipeline holds an export", zap.Error(err))
			}
		}
	}
}

// export hands on what is left of the interval. An error means that the
// pipeline may accept it later: calling it again goes on with the piece
// that was not accepted, from the table, because a pipeline may change the data
// it is given. Data that the pipeline never will accept is dropped; the next
// interval has newer totals of the same flows.
func (o *observer) export(ctx context.Context) error {
	for groups := o.table.Groups(); !o.delivered; {
		piece, next := o.cursor.next(groups, pieceFlows)
		err := o.consume(ctx, o.write(piece))
		if err != nil && !consumererror.IsPermanent(err) {
			return err
		}
		o.cursor, o.delivered = next, next.group == len(groups)
	}
	o.table.Commit()
	return nil
}

// write writes a piece. The first one of an interval also says how complete the
// interval is.
func (o *observer) write(p piece) pmetric.Metrics {
	md := pmetric.NewMetrics()
	md.ResourceMetrics().EnsureCapacity(len(p) + 1)
	if o.cursor == (cursor{}) {
		o.writer.writeHost(md, o.completeness)
	}
	for _, group := range p {
		o.writer.writeOwner(md, group.Owner, group.Flows)
	}
	md.ResourceMetrics().RemoveIf(bare)
	return md
}

func (o *observer) consume(ctx context.Context, md pmetric.Metrics) error {
	points := md.DataPointCount()
	if points == 0 {
		return nil
	}
	ctx = o.status.report.StartMetricsOp(ctx)
	err := o.next.ConsumeMetrics(ctx, md)
	o.status.report.EndMetricsOp(ctx, "ebpf", points, err)
	if consumererror.IsPermanent(err) {
		o.status.dropped(ctx, points, err)
	}
	return err
}
