// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"sync"
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
	// grace is how long a pipeline that takes nothing delays the end.
	grace = 5 * time.Second
)

// A LogsSide hands on the events that are found in the metrics of its component.
type LogsSide struct {
	cfg    *Config
	next   consumer.Logs
	set    Settings
	writer eventWriter
	desk   *desk

	clock Clock
	grace time.Duration // how long Shutdown waits for the pipeline

	stop    context.CancelFunc
	stopped chan struct{}

	mu        sync.Mutex
	offered   int  // events that are on their way, and not told what became of
	abandoned bool // they are lost, whatever the pipeline will say
}

// NewLogsSide returns what hands events on to next.
func NewLogsSide(set Settings, cfg *Config, next consumer.Logs) *LogsSide {
	return &LogsSide{
		cfg: cfg, next: next, set: set, clock: set.Clock.orSystem(), grace: grace,
		writer: eventWriter{
			scope: set.Scope, version: set.BuildInfo.Version, named: cfg.Events.EventNameAttribute, sieve: newSieve(cfg),
		},
	}
}

// Start begins to hand events on.
func (s *LogsSide) Start(ctx context.Context, _ component.Host) error {
	if !s.cfg.Detection.Enabled {
		return nil
	}
	var err error
	if s.desk, err = openDesk(s.cfg, s.set.Logger, s.clock); err != nil {
		return err
	}
	s.desk.read(1)
	loop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop, s.stopped = cancel, make(chan struct{})
	go s.run(loop)
	return nil
}

// Shutdown offers once what still waits. A pipeline that takes nothing is given up after a
// while, and what it did not take is counted: nobody waits for it for ever.
func (s *LogsSide) Shutdown(ctx context.Context) error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	s.stop = nil
	ctx, cancel := context.WithTimeout(ctx, s.grace)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		<-s.stopped
		s.drain(ctx)
	}()
	select {
	case <-drained:
	case <-ctx.Done():
		s.abandon()
	}
	s.desk.read(-1)
	s.desk.close()
	return nil
}

// drain offers once what still waits.
func (s *LogsSide) drain(ctx context.Context) {
	for batch := s.gather(nil); len(batch) > 0; batch = s.gather(batch[:0]) {
		s.deliver(ctx, batch, 1)
		if ctx.Err() != nil {
			return
		}
	}
}

// abandon gives up what is on its way, and what waits.
func (s *LogsSide) abandon() {
	s.mu.Lock()
	lost := s.offered
	s.offered, s.abandoned = 0, true
	s.mu.Unlock()
	for batch := s.gather(nil); len(batch) > 0; batch = s.gather(batch[:0]) {
		lost += len(batch)
	}
	s.desk.count(lost, names.DropNotAccepted)
	s.set.Logger.Warn("the logs pipeline takes nothing: events that waited for it are lost",
		zap.Int("events", lost), zap.Duration("waited", s.grace))
}

func (s *LogsSide) run(ctx context.Context) {
	defer close(s.stopped)
	var batch []engine.Event
	for ctx.Err() == nil { // what waits then is for Shutdown
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
	s.offer(len(batch))
	for attempt, wait := 1, firstRetry; ; attempt, wait = attempt+1, 2*wait {
		err := s.next.ConsumeLogs(ctx, s.writer.write(batch, s.clock.Now()))
		switch {
		case err == nil:
			s.settle("")
			return
		case consumererror.IsPermanent(err):
			s.set.Logger.Warn("events were refused", zap.Int("events", len(batch)), zap.Error(err))
			s.settle(names.DropRefused)
			return
		case attempt >= attempts || !sleep(ctx, wait):
			s.set.Logger.Warn("events were not accepted", zap.Int("events", len(batch)), zap.Error(err))
			s.settle(names.DropNotAccepted)
			return
		}
	}
}

// offer notes that events are on their way, settle what became of them.
func (s *LogsSide) offer(events int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offered = events
}

func (s *LogsSide) settle(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.abandoned {
		s.desk.count(s.offered, reason)
	}
	s.offered = 0
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
