// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"math"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// Settings of an engine.
type Settings struct {
	// Width is that of a window, from 1 s to 60 s.
	Width time.Duration
	// Tracks is how many pairs of pods are watched at most.
	Tracks int
	// FalseADay is how many false anomalies a day all series together may give.
	FalseADay float64
}

// Bounds of Settings.Width.
const (
	MinWidth = time.Second
	MaxWidth = time.Minute
)

const (
	// historySeconds is how far back rules look.
	historySeconds = 30
	// silentWindows is for how many windows a track is kept that says nothing.
	silentWindows = 30
	// calmSeconds is for how long nothing must have been found of a problem that is over, and
	// calmWindows for how many windows at least.
	calmSeconds, calmWindows = 20, 3
	// maxProblems is how many are open at once at most.
	maxProblems = 1000
)

// Losses counts what was not used.
type Losses struct {
	Late      uint64 // points whose window had been judged
	NoRoom    uint64 // points for which their window had no room
	Refused   uint64 // points of flows that there was no room to watch
	Malformed uint64 // histograms whose bounds cannot be used
	Skewed    uint64 // points with a time far from ours: used, as of now
	Series    uint64 // of detectors, that they had no room for, once each window
	Evicted   uint64 // series of detectors that were forgotten for others
	Problems  uint64 // that there was no room to keep
	Calls     uint64 // of one workload by another, that there was no room to remember, once each window
}

// An Engine watches flows.
type Engine struct {
	set       Settings
	schedule  *detect.Schedule[cell, *cell]
	tracks    *tracks
	detectors *detectors
	register  *problem.Register
	graph     *localize.Graph
	losses    Losses

	history int                  // windows that rules look at
	views   []*view              // with data in the window that is being judged
	live    []*anomaly           // all that have not ended
	ended   map[string]time.Time // anomalies that ended in this window
	events  []Event              // of the windows that are being judged
	window  detect.Window        // that is being judged
	steps   []step               // that anomalies took in this window
}

// New returns an engine. The error names the setting and the rule.
func New(set Settings) (*Engine, error) {
	if set.Width < MinWidth || set.Width > MaxWidth {
		return nil, fmt.Errorf("check width: %v is not from %v to %v", set.Width, MinWidth, MaxWidth)
	}
	e := &Engine{
		set: set, tracks: newTracks(set.Tracks),
		schedule: detect.NewSchedule[cell](set.Width, set.Tracks),
		register: problem.NewRegister(maxProblems, max(calmSeconds*time.Second, calmWindows*set.Width)),
		graph:    localize.NewGraph(set.Tracks),
		history:  max(diagnose.Ticks, int(math.Ceil(historySeconds/set.Width.Seconds()))),
		ended:    make(map[string]time.Time),
	}
	e.schedule.Settle(min(set.Width/4, time.Second))
	var err error
	e.detectors, err = newDetectors(set.Width, set.Tracks, set.FalseADay, e.rise)
	return e, err
}

// Losses returns what was not used so far.
func (e *Engine) Losses() Losses {
	l := e.losses
	ignored, series := e.schedule.Ignored(), e.detectors.losses()
	l.Late, l.NoRoom, l.Skewed = ignored.Late, ignored.NoRoom, e.schedule.Skewed()
	l.Series, l.Evicted, l.Problems = series.Refused, series.Evicted, e.register.Dropped()
	l.Calls = e.graph.Dropped()
	return l
}

// Sizes is how much an engine holds.
type Sizes struct{ Tracks, Pairs, Anomalies, Problems int }

// Sizes returns how much there is.
func (e *Engine) Sizes() Sizes {
	return Sizes{len(e.tracks.byKey), len(e.tracks.views), len(e.live), e.register.Len()}
}

// Acknowledge notes, now, that a person has seen a problem at a time, by either of its ids. It returns
// false if the problem is not open.
func (e *Engine) Acknowledge(now time.Time, id string, at time.Time) bool {
	return e.register.Acknowledge(now, id, at)
}

// Save returns all that is to be known of problems after a restart. Baselines are learned
// anew. Their times are moved by ahead, as those of events are by Shift.
func (e *Engine) Save(ahead time.Duration) ([]byte, error) { return e.register.Save(ahead) }

// Load takes in what another engine saved. On an error the engine is as before.
func (e *Engine) Load(saved []byte) error { return e.register.Load(saved) }

// Evaluate judges all windows that are complete, and returns what is to be told, in its
// order. The slice is valid until the next call.
func (e *Engine) Evaluate(now time.Time) []Event {
	e.events = e.events[:0]
	for {
		w, points, ok := e.schedule.Next(now)
		if !ok {
			return e.events
		}
		e.judge(w, points)
	}
}

// judge judges a window.
func (e *Engine) judge(w detect.Window, points []detect.Point[cell]) {
	e.window, e.tracks.now = w, w
	clear(e.ended)
	e.collect(w, points)
	for _, v := range e.views {
		e.detectors.observe(w, v)
	}
	for i := range points {
		if c := &points[i].Data; c.track != nil && !c.track.gone {
			e.detectors.look(w, c.track, c)
		}
	}
	e.detectors.finish(w)
	for _, v := range e.views {
		e.detectors.feel(v)
	}
	e.rules(w)
	e.problems(w)
	e.settle()
	if w%silentWindows == 0 {
		e.tracks.forget(w, silentWindows)
		e.graph.Forget(w.End(e.set.Width))
	}
}

// collect adds up what the tracks of each view did.
func (e *Engine) collect(w detect.Window, points []detect.Point[cell]) {
	e.views = e.views[:0]
	for i := range points {
		c := &points[i].Data
		t := c.track
		if t == nil || t.gone {
			continue
		}
		t.note(w, c, e.set.Width)
		c.rtt.Windows, c.variation.Windows = uint16(c.pace), uint16(c.pace)
		if t.view.window != w {
			t.view.begin(w)
			e.views = append(e.views, t.view)
		}
		t.view.take(c)
	}
	for _, v := range e.views {
		v.remember(e.history, e.seconds(w, v))
		e.call(w, v)
	}
	e.recall(w, points)
	e.hear(w, points)
}

// seconds is how much time a view's window tells of: more than its width if the one
// before it has no data.
func (e *Engine) seconds(w detect.Window, v *view) float64 {
	windows := detect.Window(1)
	if len(v.history) > 0 {
		windows = min(max(w-v.last, 1), max(v.pace, 2))
	}
	return float64(windows) * e.set.Width.Seconds()
}

// call notes who calls whom.
func (e *Engine) call(w detect.Window, v *view) {
	switch v.key.role {
	case Client:
		e.graph.Add(v.key.observer, v.key.peer, w.End(e.set.Width))
	case Server:
		e.graph.Add(v.key.peer, v.key.observer, w.End(e.set.Width))
	}
}

// settle forgets anomalies that have ended.
func (e *Engine) settle() {
	live := e.live[:0]
	for _, a := range e.live {
		if _, ended := e.ended[a.id]; !ended {
			live = append(live, a)
		}
	}
	clear(e.live[len(live):])
	e.live = live
}
