// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.uber.org/zap"
)

// A teller tells a metrics pipeline of what was found. Whoever looks for faults does not wait for it.
type teller struct {
	next   consumer.Metrics // nil: nobody wants to know
	set    *Settings
	clock  Clock
	grace  time.Duration // how long the end waits for the pipeline
	busy   chan struct{} // full while something is on its way
	waited bool          // the last time it was
	told   time.Time     // the time of what was accepted last; zero: nothing was
}

func newTeller(set *Settings, next consumer.Metrics, clock Clock) *teller {
	return &teller{next: next, set: set, clock: clock, grace: grace, busy: make(chan struct{}, 1)}
}

// tell tells all totals of a desk, unless the last ones are on their way still: then the next ones say
// what these would have said.
func (t *teller) tell(ctx context.Context, d *desk, now time.Time) {
	if t.next == nil {
		return
	}
	select {
	case t.busy <- struct{}{}:
		t.waited = false
	default:
		if !t.waited {
			t.waited = true
			t.set.Logger.Warn("the metrics pipeline takes nothing; detection goes on, and metrics of what it finds follow")
		}
		return
	}
	t.clock.Go(func() {
		defer func() { <-t.busy }()
		t.send(ctx, d, now)
	})
}

func (t *teller) send(ctx context.Context, d *desk, now time.Time) {
	d.mu.Lock()
	totals := d.totals.write(t.set.Scope, t.set.BuildInfo.Version, now, (*verdictCount).write)
	over := d.totals.active.over()
	d.mu.Unlock()
	if totals.ResourceMetrics().Len() == 0 {
		return
	}
	if err := t.next.ConsumeMetrics(ctx, totals); err != nil {
		t.set.Logger.Debug("metrics of anomalies were not accepted; the next ones have the same totals", zap.Error(err))
		return
	}
	t.told = now
	d.mu.Lock()
	d.totals.active.forget(over)
	d.mu.Unlock()
}

// end waits for what is on its way, for a while, and tells that all that was told ends: the next process
// tells others, and a problem would be two.
func (t *teller) end(ctx context.Context, d *desk) {
	ctx, cancel := context.WithTimeout(ctx, t.grace)
	defer cancel()
	ended := make(chan struct{})
	select {
	case t.busy <- struct{}{}:
		if t.told.IsZero() {
			return
		}
		t.clock.Go(func() {
			defer close(ended)
			t.sendEnd(ctx, d)
		})
	case <-ctx.Done():
	}
	select {
	case <-ended:
	case <-ctx.Done():
		t.set.Logger.Warn("the metrics pipeline takes nothing: the last metrics of what was found may be lost",
			zap.Duration("waited", t.grace))
	}
}

func (t *teller) sendEnd(ctx context.Context, d *desk) {
	now := t.clock.Now()
	if next := t.told.Add(time.Millisecond); now.Before(next) {
		now = next
	}
	d.mu.Lock()
	ends := d.totals.write(t.set.Scope, t.set.BuildInfo.Version, now, (*verdictCount).end)
	d.mu.Unlock()
	if ends.ResourceMetrics().Len() == 0 {
		return
	}
	if err := t.next.ConsumeMetrics(ctx, ends); err != nil {
		t.set.Logger.Warn("ends of metrics of what was found were not accepted; backends have them until they forget", zap.Error(err))
	}
}
