// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A pace says how events are handed on.
type pace struct {
	batch  int           // the most at once
	gather time.Duration // how long an event waits for others
	// A batch that the pipeline does not accept is offered again after retry, then
	// after twice as long each time. What comes meanwhile waits in the kernel's buffer.
	retry    time.Duration
	attempts int
}

// A full batch is some 400 KiB on the wire.
var eventPace = pace{batch: 512, gather: 200 * time.Millisecond, retry: firstRetry, attempts: 5}

// An eventSender hands on events. One goroutine uses it.
type eventSender struct {
	reader eventReader
	now    func() flow.Instant
	next   consumer.Logs
	writer *eventWriter
	status *status
	look   time.Duration // from one look at what was dropped to the next, if nothing happens
	pace   pace

	batch  []flow.Event
	giving bool // the last batch was given up
	fails  bool // the last look could not read
}

// run sends until the reader has been flushed. When ctx is done, nothing is offered
// again. What cannot be read is tried again with the next look, and what finds no room
// meanwhile is counted, until stopping is done.
func (s *eventSender) run(ctx, stopping context.Context) {
	for {
		err := s.gather()
		if len(s.batch) > 0 {
			s.deliver(ctx)
		}
		s.count(ctx)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil && !s.fails {
			s.status.logger.Error("events cannot be read and are tried again; ebpf_tcp_events_dropped counts those without room", zap.Error(err))
		}
		if s.fails = err != nil; s.fails && !sleep(stopping, s.look) {
			return
		}
	}
}

// gather waits for a batch. It may be empty.
func (s *eventSender) gather() error {
	s.batch = s.batch[:0]
	deadline := time.Now().Add(s.look)
	for len(s.batch) < s.pace.batch {
		event, err := s.reader.Read(deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(s.batch) == 0 {
			deadline = time.Now().Add(s.pace.gather)
		}
		s.batch = append(s.batch, event)
	}
	return nil
}

// deliver hands on the batch, written anew each time, because a pipeline may change
// what it is given. While batch after batch is given up, each is offered once.
func (s *eventSender) deliver(ctx context.Context) {
	now, wait, attempts := s.now(), s.pace.retry, s.pace.attempts
	if s.giving {
		attempts = 1
	}
	for attempt := 1; ; attempt++ {
		err := s.consume(ctx, now)
		if err == nil || consumererror.IsPermanent(err) {
			s.giving = false
			s.status.handedOn(ctx, len(s.batch), names.DropRefused, err)
			return
		}
		if attempt == attempts || !sleep(ctx, wait) {
			s.giving = true
			s.status.handedOn(ctx, len(s.batch), names.DropNotAccepted, err)
			return
		}
		wait *= 2
	}
}

func (s *eventSender) consume(ctx context.Context, now flow.Instant) error {
	ctx = s.status.report.StartLogsOp(ctx)
	err := s.next.ConsumeLogs(ctx, s.writer.write(s.batch, now))
	s.status.report.EndLogsOp(ctx, "ebpf", len(s.batch), err)
	return err
}

func (s *eventSender) count(ctx context.Context) {
	drops, err := s.reader.Drops()
	s.status.heldBack(ctx, drops, err)
}
