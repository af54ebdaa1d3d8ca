// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
	"github.com/tcpwhy/tcpwhy/internal/recording"
)

// late is how long after its newest point a message reaches the processor: a receiver reads
// the kernel, writes what it read, and hands it on.
const late = 100 * time.Millisecond

// A past is the time of what is replayed.
type past struct {
	mu    sync.Mutex
	now   time.Time
	beats map[time.Duration]beat
}

type beat struct {
	ticks chan time.Time
	due   time.Time
}

func (p *past) time() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *past) tick(every time.Duration) (<-chan time.Time, func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ticks := make(chan time.Time)
	p.beats[every] = beat{ticks, p.now.Add(every)}
	return ticks, func() {}
}

// pass lets time pass until at, with all that is due before.
func (p *past) pass(at time.Time) {
	for {
		every, next := p.first()
		if every == 0 || next.due.After(at) {
			break
		}
		p.set(next.due)
		next.ticks <- next.due
		next.ticks <- next.due // is taken when the first one has been done
		p.beats[every] = beat{next.ticks, next.due.Add(every)}
	}
	p.set(at)
}

func (p *past) first() (first time.Duration, due beat) {
	for every, b := range p.beats {
		if first == 0 || b.due.Before(due.due) {
			first, due = every, b
		}
	}
	return first, due
}

func (p *past) set(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.After(p.now) {
		p.now = now
	}
}

// lead is how long before its first message the processor starts: what began after that is
// counted in full.
const lead = 10 * time.Second

// A stage is a processor in the past.
type stage struct {
	past    *past
	logs    *anomaly.LogsSide
	metrics *anomaly.MetricsSide
}

// play shows what a receiver told to a processor of its own, and writes what that says.
func play(ctx context.Context, cfg *anomaly.Config, from io.Reader, to io.Writer) error {
	var s *stage
	err := recording.Read(from, func(md pmetric.Metrics) (err error) {
		at := recording.Time(md)
		if at.IsZero() {
			return nil
		}
		if s == nil {
			if s, err = start(ctx, cfg, at.Add(-lead), to); err != nil {
				return err
			}
		}
		s.past.pass(at.Add(late))
		return s.metrics.ConsumeMetrics(ctx, md)
	})
	if s == nil {
		return cmp.Or(err, errors.New("replay: nothing was recorded"))
	}
	// The logs side takes what waits only as long as the desk is open.
	return errors.Join(err, s.logs.Shutdown(ctx), s.metrics.Shutdown(ctx))
}

func start(ctx context.Context, cfg *anomaly.Config, at time.Time, to io.Writer) (*stage, error) {
	p := &past{now: at, beats: make(map[time.Duration]beat)}
	set := anomaly.Settings{
		ID: component.MustNewID("tcp_anomaly"), Kind: component.KindProcessor, Scope: "replay",
		Clock: anomaly.Clock{Now: p.time, Tick: p.tick}, TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	says, err := consumer.NewLogs(func(_ context.Context, ld plog.Logs) error { return write(to, ld) })
	if err != nil {
		return nil, err
	}
	s := &stage{p, anomaly.NewLogsSide(set, cfg, says), anomaly.NewMetricsSide(set, cfg, nil)}
	if err := s.logs.Start(ctx, componenttest.NewNopHost()); err != nil {
		return nil, err
	}
	if err := s.metrics.Start(ctx, componenttest.NewNopHost()); err != nil {
		return nil, errors.Join(err, s.logs.Shutdown(ctx))
	}
	return s, nil
}

func write(to io.Writer, ld plog.Logs) error {
	var as plog.JSONMarshaler
	line, err := as.MarshalLogs(ld)
	if err == nil {
		_, err = to.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write verdicts: %w", err)
	}
	return nil
}
