// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// A status is the receiver's telemetry about itself: metrics, and a log entry
// where a trouble begins, not for each interval that it lasts.
type status struct {
	*metadata.TelemetryBuilder
	report *receiverhelper.ObsReport
	logger *zap.Logger

	sweepFails  bool
	exportFails bool
	exhausted   bool // the interval is as wide as allowed, and too narrow
	vitalsFail  bool
	natFails    bool
	growth      growth // of the kernel side's counters
	told        told
	reasons     [flow.NumLostReasons]metric.MeasurementOption
}

func newStatus(set receiver.Settings) (*status, error) {
	builder, errBuilder := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	report, errReport := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID:             set.ID,
		ReceiverCreateSettings: set,
	})
	if err := errors.Join(errBuilder, errReport); err != nil {
		return nil, err
	}
	s := &status{TelemetryBuilder: builder, report: report, logger: set.Logger, growth: growth{}, told: told{}}
	for reason, value := range lostReasons {
		s.reasons[reason] = labelled(attribute.String(names.LostReason, value))
	}
	return s, nil
}

// beside returns one for another goroutine, which tells of something else.
func (s *status) beside() *status {
	return &status{TelemetryBuilder: s.TelemetryBuilder, report: s.report, logger: s.logger, growth: growth{}, told: s.told, reasons: s.reasons}
}

// swept notes the end of a sweep. One that was cut short by a shutdown is no
// trouble.
func (s *status) swept(ctx context.Context, took time.Duration, err error) {
	s.EbpfTCPSweepDuration.Record(ctx, took.Seconds())
	fails := err != nil && ctx.Err() == nil
	if fails {
		s.EbpfTCPCollectErrors.Add(ctx, 1)
	}
	if fails && !s.sweepFails {
		s.logger.Error("sweep ended early; what it did not read comes with a later one", zap.Error(err))
	}
	s.sweepFails = fails
}

// paced notes the interval that is in force after a collection.
func (s *status) paced(ctx context.Context, before time.Duration, c *cadence, took time.Duration) {
	s.EbpfTCPCollectionInterval.Record(ctx, c.interval.Seconds())
	figures := []zap.Field{zap.Duration("took", took), zap.Duration("before", before),
		zap.Duration("now", c.interval), zap.Duration("collection_interval", c.configured)}
	switch {
	case c.interval > before:
		s.logger.Warn("reading the kernel takes longer than half of the interval, which is widened", figures...)
	case c.interval < before:
		s.logger.Info("reading the kernel is short again: the interval is narrowed", figures...)
	}
	exhausted := c.exhausted(took)
	if exhausted && !s.exhausted {
		s.logger.Warn("reading the kernel takes longer than half of the widest interval: "+
			"observe less (include, exclude, cgroup) or coarser (granularity)", figures...)
	}
	s.exhausted = exhausted
}

func (s *status) sealed(ctx context.Context, stats flow.Stats, report flow.Report) {
	s.EbpfTCPFlows.Record(ctx, int64(stats.Flows))
	s.EbpfTCPFlowsOverflow.Record(ctx, int64(stats.Overflows))
	s.EbpfTCPConnections.Record(ctx, int64(stats.Connections))
	s.lose(ctx, report)
}

func (s *status) lose(ctx context.Context, report flow.Report) {
	for reason, count := range report.Lost {
		s.EbpfTCPLost.Add(ctx, int64(count), s.reasons[reason])
	}
}

// dropped notes data points that no pipeline will accept.
func (s *status) dropped(ctx context.Context, points int, err error) {
	s.EbpfTCPExportDropped.Add(ctx, int64(points))
	s.logger.Error("drop data points", zap.Int("points", points), zap.Error(err))
}

// delivered notes how an attempt to deliver ended.
func (s *status) delivered(ctx context.Context, err error) {
	fails := err != nil && ctx.Err() == nil
	if fails {
		s.EbpfTCPExportRetries.Add(ctx, 1)
	}
	switch {
	case fails && !s.exportFails:
		s.logger.Warn("export was not accepted; it is repeated with the latest totals", zap.Error(err))
	case err == nil && s.exportFails:
		s.logger.Info("export is accepted again")
	}
	s.exportFails = err != nil
}
