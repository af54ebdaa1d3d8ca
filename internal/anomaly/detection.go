// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// A DetectionConfig says how faults are looked for.
type DetectionConfig struct {
	// Enabled is whether they are.
	Enabled bool `mapstructure:"enabled"`
	// Window is the width of what is judged at once; 0 is Interval, within bounds.
	Window time.Duration `mapstructure:"window"`
	// MaxPairs is how many pairs of pods are watched.
	MaxPairs int `mapstructure:"max_pairs"`
	// FalseAlarmsPerDay is how many false anomalies all series together may give.
	FalseAlarmsPerDay float64 `mapstructure:"false_alarms_per_day"`

	_ struct{}
}

// An EventsConfig says how events are told.
type EventsConfig struct {
	// EventNameAttribute repeats a record's event name as an attribute.
	EventNameAttribute bool `mapstructure:"event_name_attribute"`
	// QueueSize is how many events wait for the logs pipeline.
	QueueSize int `mapstructure:"queue_size"`

	_ struct{}
}

var (
	defaultDetection = DetectionConfig{Enabled: true, MaxPairs: 20_000, FalseAlarmsPerDay: 1}
	defaultEvents    = EventsConfig{EventNameAttribute: true, QueueSize: 1000}
)

// maxQueue bounds the events that wait: room for all of them is made at the start.
const maxQueue = 1_000_000

// window is the width of what is judged at once.
func (c *Config) window() time.Duration {
	if c.Detection.Window != 0 {
		return c.Detection.Window
	}
	return min(max(c.Interval, engine.MinWidth), engine.MaxWidth)
}

func (c *Config) validateDetection() error {
	d := &c.Detection
	errs := []error{
		atLeast("detection::max_pairs", d.MaxPairs, 1),
		atLeast("events::queue_size", c.Events.QueueSize, 1),
	}
	if c.Events.QueueSize > maxQueue {
		errs = append(errs, fmt.Errorf("events::queue_size: %d is more than %d", c.Events.QueueSize, maxQueue))
	}
	if d.Window != 0 && (d.Window < engine.MinWidth || d.Window > engine.MaxWidth) {
		errs = append(errs, fmt.Errorf("detection::window: %v is not from %v to %v", d.Window, engine.MinWidth, engine.MaxWidth))
	}
	if !(d.FalseAlarmsPerDay > 0 && d.FalseAlarmsPerDay <= 1e6) {
		errs = append(errs, fmt.Errorf("detection::false_alarms_per_day: %v is not above 0 and at most 1e6", d.FalseAlarmsPerDay))
	}
	return errors.Join(errs...)
}

// look is how often the engine is asked for news.
func (c *Config) look() time.Duration {
	return min(max(c.window()/20, 100*time.Millisecond), time.Second)
}

// detect asks for news at each tick, and tells the metrics of what was found, last at told, until
// ctx is done.
func (p *MetricsSide) detect(ctx context.Context, ticks <-chan time.Time, told time.Time) {
	defer close(p.detected)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		now := p.desk.look()
		p.desk.judge(now)
		if p.leads && now.Sub(told) >= p.cfg.Interval {
			told = now
			p.teller.tell(ctx, p.desk, p.clock.Now())
			p.memory.save(ctx, p.desk)
		}
	}
}

// startDetection lets the engine that all pipelines share see what this one adds up; where
// nothing is added up, what a reducer does that nothing leaves.
func (p *MetricsSide) startDetection(ctx context.Context, host component.Host) (err error) {
	if !p.cfg.Detection.Enabled {
		if p.cfg.Storage != nil {
			p.set.Logger.Warn("storage: problems are what is kept, and with detection::enabled: false there are none: nothing is stored")
		}
		return nil
	}
	if p.desk, err = openDesk(p.cfg, p.set.Logger, p.clock); err != nil {
		return err
	}
	if p.leads = p.desk.claim(); !p.leads {
		p.set.Logger.Warn("a second metrics pipeline has the component: what comes through both counts twice in detection; " +
			"give it another name there, with detection::enabled: false")
	}
	if p.leads {
		if p.memory, err = openMemory(ctx, host, p.cfg.Storage, &p.set); err != nil {
			p.desk.close()
			return err
		}
		p.memory.load(ctx, p.desk)
	}
	if p.observed = p.reducer; p.observed == nil {
		p.observed = newObserver(p.cfg, p.directory, p.now())
	}
	p.observed.watch = &watcher{p.desk}
	p.teller = newTeller(&p.set, p.next, p.clock)
	loop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.blind, p.detected = cancel, make(chan struct{})
	ticks, stop := p.clock.Tick(p.cfg.look())
	began := p.desk.look()
	go func() {
		defer stop()
		p.detect(loop, ticks, began)
	}()
	return nil
}

func (p *MetricsSide) stopDetection(ctx context.Context) error {
	if p.blind == nil {
		return nil
	}
	p.blind()
	<-p.detected
	p.blind = nil
	p.teller.end(ctx, p.desk)
	p.memory.save(ctx, p.desk)
	p.desk.close()
	return p.memory.close(ctx)
}

// locked does what tells the engine something.
func (p *MetricsSide) locked(add func()) {
	if p.desk != nil {
		p.desk.mu.Lock()
		defer p.desk.mu.Unlock()
		p.desk.tick()
	}
	add()
}

// lookAt shows the engine points that are handed on as they come.
func (p *MetricsSide) lookAt(md pmetric.Metrics) {
	if p.observed == nil || !p.observed.mute {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.locked(func() { p.observed.watchAll(md.ResourceMetrics(), now) })
	if now.Pace >= p.tidied+uint64(p.cfg.Interval) {
		p.tidied = now.Pace
		p.observed.table.Begin(now, p.observed.forget)
	}
}
