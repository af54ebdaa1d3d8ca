// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"maps"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A desk is what all pipelines of one component ID share: the engine, and the events that
// wait for a logs pipeline. The metrics side never waits for the logs side.
type desk struct {
	cfg    *Config
	logger *zap.Logger

	mu     sync.Mutex // of what the engine is told and asked
	engine *engine.Engine
	pace   pace
	now    time.Time // by the pace, when it was looked at last
	totals *totals
	// Acknowledgements of problems that are open, and of others.
	acknowledged, unknown uint64

	events chan engine.Event // bounded

	state   sync.Mutex
	users   int
	readers int // logs pipelines
	warned  bool
	dropped map[string]uint64 // by reason
	sent    uint64
	claimed bool // a pipeline tells of the desk
}

// desks are those in use, by their configuration: all pipelines of one component ID have
// the same one.
var desks = struct {
	sync.Mutex
	byConfig map[*Config]*desk
}{byConfig: make(map[*Config]*desk)}

// openDesk returns the desk of a configuration, for one more pipeline.
func openDesk(cfg *Config, logger *zap.Logger, clock Clock) (*desk, error) {
	desks.Lock()
	defer desks.Unlock()
	d := desks.byConfig[cfg]
	if d == nil {
		e, err := engine.New(engine.Settings{
			Width: cfg.window(), Tracks: cfg.Detection.MaxPairs, FalseADay: cfg.Detection.FalseAlarmsPerDay,
		})
		if err != nil {
			return nil, fmt.Errorf("detection: %w", err)
		}
		d = &desk{
			cfg: cfg, logger: logger, engine: e, totals: newTotals(clock.Now()), pace: newPace(clock),
			events: make(chan engine.Event, cfg.Events.QueueSize), dropped: make(map[string]uint64),
		}
		desks.byConfig[cfg] = d
	}
	d.users++
	return d, nil
}

// close leaves the desk; the last one takes it away.
func (d *desk) close() {
	desks.Lock()
	defer desks.Unlock()
	if d.users--; d.users == 0 {
		delete(desks.byConfig, d.cfg)
	}
}

// look returns the time by which windows are counted.
func (d *desk) look() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tick()
	return d.now
}

// tick looks at the clock. Must be called holding mu.
func (d *desk) tick() {
	var set time.Duration
	if d.now, set = d.pace.now(); set != 0 {
		d.logger.Warn("the clock was set; detection goes on, and tells times by the new one", zap.Duration("by", set))
	}
}

// judge asks the engine for news up to a time by the pace. It never waits for who reads them.
func (d *desk) judge(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, event := range d.engine.Evaluate(now) {
		event.Shift(d.pace.ahead)
		d.totals.add(&event)
		d.put(event)
	}
}

func (d *desk) put(event engine.Event) {
	d.state.Lock()
	defer d.state.Unlock()
	if d.readers == 0 {
		d.dropped[names.DropNoLogs]++
		if !d.warned {
			d.warned = true
			d.logger.Warn("events have nowhere to go: give the component a logs pipeline, too; " +
				"the metrics tcp.flow.anomaly.count and tcp.flow.problem.active tell of them")
		}
		return
	}
	select {
	case d.events <- event:
	default:
		d.dropped[names.DropQueueFull]++
	}
}

// count notes what became of events.
func (d *desk) count(n int, reason string) {
	d.state.Lock()
	defer d.state.Unlock()
	if reason == "" {
		d.sent += uint64(n)
	} else {
		d.dropped[reason] += uint64(n)
	}
}

// read and unread say that a logs pipeline is there, or not any more.
func (d *desk) read(n int) {
	d.state.Lock()
	defer d.state.Unlock()
	d.readers += n
}

// save returns what there is to know of problems, load takes it in.
func (d *desk) save() ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine.Save(d.pace.ahead)
}

func (d *desk) load(kept []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine.Load(kept)
}

// claim makes a pipeline the one that tells of the desk, if there is none yet: the same
// numbers twice would be added up.
func (d *desk) claim() bool {
	d.state.Lock()
	defer d.state.Unlock()
	first := !d.claimed
	d.claimed = true
	return first
}

// fates returns what became of events so far.
func (d *desk) fates() (sent uint64, dropped map[string]uint64) {
	d.state.Lock()
	defer d.state.Unlock()
	return d.sent, maps.Clone(d.dropped)
}

// vitals returns how much the engine holds, and what it did not use so far.
func (d *desk) vitals() (engine.Sizes, engine.Losses) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine.Sizes(), d.engine.Losses()
}

// overflow returns how many events the metrics do not tell of.
func (d *desk) overflow() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.totals.overflow
}
