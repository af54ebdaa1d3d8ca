// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

const (
	// maxBatch is the number of events that are handed on at once.
	maxBatch = 256
	// firstRetry is how long what was not accepted waits before it is offered again, then
	// twice as long each time; attempts is how often.
	firstRetry = 100 * time.Millisecond
	attempts   = 6
)

// A LogsSide hands on the events that are found in the metrics of its component.
type LogsSide struct {
	cfg    *Config
	next   consumer.Logs
	set    Settings
	writer eventWriter
	desk   *desk

	stop    context.CancelFunc
	stopped chan struct{}
}

// NewLogsSide returns what hands events on to next.
func NewLogsSide(set Settings, cfg *Config, next consumer.Logs) *LogsSide {
	return &LogsSide{cfg: cfg, next: next, set: set, writer: eventWriter{scope: set.Scope, version: set.BuildInfo.Version, named: cfg.Events.EventNameAttribute}}
}

// Start begins to hand events on.
func (s *LogsSide) Start(ctx context.Context, _ component.Host) error {
	if !s.cfg.Detection.Enabled {
		return nil
	}
	var err error
	if s.desk, err = openDesk(s.cfg, s.set.Logger); err != nil {
		return err
	}
	s.desk.read(1)
	loop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.stopped = cancel, make(chan struct{})
	go s.run(loop)
	return nil
}

// Shutdown offers once what still waits.
func (s *LogsSide) Shutdown(ctx context.Context) error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	<-s.stopped
	s.stop = nil
	for batch := s.gather(nil); len(batch) > 0; batch = s.gather(batch[:0]) {
		s.deliver(ctx, batch, 1)
	}
	s.desk.read(-1)
	s.desk.close()
	return nil
}

func (s *LogsSide) run(ctx context.Context) {
	defer close(s.stopped)
	var batch []engine.Event
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-s.desk.events:
			batch = s.gather(append(batch[:0], event))
			s.deliver(ctx, batch, attempts)
		}
	}
}

// gather takes what waits.
func (s *LogsSide) gather(batch []engine.Event) []engine.Event {
	for len(batch) < maxBatch {
		select {
		case event := <-s.desk.events:
			batch = append(batch, event)
		default:
			return batch
		}
	}
	return batch
}

// deliver hands events on, written anew each time, because a pipeline may change what it
// is given.
func (s *LogsSide) deliver(ctx context.Context, batch []engine.Event, attempts int) {
	for attempt, wait := 1, firstRetry; ; attempt, wait = attempt+1, 2*wait {
		err := s.next.ConsumeLogs(ctx, s.writer.write(batch))
		switch {
		case err == nil:
			s.desk.count(len(batch), "")
			return
		case consumererror.IsPermanent(err):
			s.desk.count(len(batch), names.DropRefused)
			s.set.Logger.Warn("events were refused", zap.Int("events", len(batch)), zap.Error(err))
			return
		case attempt >= attempts || !sleep(ctx, wait):
			s.desk.count(len(batch), names.DropNotAccepted)
			s.set.Logger.Warn("events were not accepted", zap.Int("events", len(batch)), zap.Error(err))
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
