// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect

import "time"

const (
	// ahead is how many windows are open at once.
	ahead = 4
	// agentGone is how long an agent is waited for that says nothing.
	agentGone = 5 * time.Minute
	// maxAgents is how many agents are waited for at most.
	maxAgents = 16_384
	// slowest is how much time an agent tells of at once at most; one that takes longer is silent between.
	slowest = 2 * time.Minute
	// jitter is the share of an agent's interval by which its next point may be
	// early.
	jitter = 10
)

// A Merger adds another of its kind to itself.
type Merger[D any] interface {
	*D
	Merge(*D)
}

// A Point is what a series did in a window.
type Point[D any] struct {
	Series Series
	Data   D
}

// Ignored counts points that were not used, by reason.
type Ignored struct {
	Late   uint64 // their window had been judged
	NoRoom uint64 // their window had as many series as may be
}

// A Schedule collects what agents tell, each in its own time, until a window is
// complete: until all known agents have passed it, or will with their next
// point, or it ended a window ago. What comes later is counted, not used.
type Schedule[D any, M Merger[D]] struct {
	width  time.Duration
	limit  int
	next   Window // the first one that has not been judged
	begun  bool
	settle time.Duration
	agents map[uint64]*agent
	open   [ahead]collection[D]

	ignored Ignored
	skewed  uint64
}

// A collection is what is known of a window.
type collection[D any] struct {
	index  map[uint64]int32
	points []Point[D]
}

// An agent is whoever sends points, in steps of interval.
type agent struct {
	at, heard      time.Time // of the last point, by its clock and by ours
	interval, step time.Duration
	pace           int32 // windows that it tells of at once
}

// NewSchedule returns a schedule of windows of a width, with at most so many
// series each.
func NewSchedule[D any, M Merger[D]](width time.Duration, limit int) *Schedule[D, M] {
	s := &Schedule[D, M]{width: width, limit: limit, agents: make(map[uint64]*agent)}
	for i := range s.open {
		s.open[i].index = make(map[uint64]int32)
	}
	return s
}

// Settle sets how long an agent has to be silent before nothing more is expected of
// what it tells at once: it comes in pieces. Without it that is not waited for.
func (s *Schedule[D, M]) Settle(d time.Duration) { s.settle = d }

// Ignored is what was not used so far.
func (s *Schedule[D, M]) Ignored() Ignored { return s.ignored }

// Skewed is how many points had a time that is more than a few windows from
// ours: an agent's clock is wrong, or was set. They count as of now.
func (s *Schedule[D, M]) Skewed() uint64 { return s.skewed }

// Add adds what a series did in the time up to at, as an agent tells it now.
func (s *Schedule[D, M]) Add(now, at time.Time, agentID uint64, series Series, data *D) {
	if p, ok := s.Place(now, at, agentID, series); ok {
		M(s.Data(p)).Merge(data)
	}
}

// A Place is where a series' data of a window is kept until the window is complete.
type Place struct {
	Window Window
	Pace   int32 // windows that its agent tells of at once, 1 at least
	index  int32
}

// Place returns where to add what a series did in the time up to at, as an agent
// tells it now. ok is false if it cannot be used any more, or finds no room.
func (s *Schedule[D, M]) Place(now, at time.Time, agentID uint64, series Series) (p Place, ok bool) {
	current := WindowOf(now, s.width)
	w := WindowOf(at, s.width)
	if w > current+1 || w < current-ahead {
		s.skewed++
		w, at = current, now
	}
	if !s.begun {
		s.next, s.begun = w, true
	}
	pace := s.hear(now, at, agentID)
	if w >= s.next+ahead {
		w = s.next + ahead - 1
	}
	if w < s.next {
		s.ignored.Late++
		return Place{}, false
	}
	c := &s.open[uint64(w)%ahead]
	i, ok := c.index[series.ID]
	if !ok {
		if len(c.points) >= s.limit {
			s.ignored.NoRoom++
			return Place{}, false
		}
		i = int32(len(c.points))
		c.index[series.ID] = i
		c.points = append(c.points, Point[D]{Series: series})
	}
	return Place{w, pace, i}, true
}

// Data is what a series did so far, for more to be added; nil if its window has
// been judged. It is valid until the next call of Place.
func (s *Schedule[D, M]) Data(p Place) *D {
	c := &s.open[uint64(p.Window)%ahead]
	if p.Window < s.next || int(p.index) >= len(c.points) {
		return nil
	}
	return &c.points[p.index].Data
}

// hear notes how far an agent is, and returns its pace. The shorter one of its last two steps is that: the
// other one may be a report that was lost, or a restart.
func (s *Schedule[D, M]) hear(now, at time.Time, id uint64) (pace int32) {
	a := s.agents[id]
	if a == nil {
		if len(s.agents) >= maxAgents {
			return 1
		}
		a = &agent{at: at, pace: 1}
		s.agents[id] = a
	}
	a.heard = now
	if step := at.Sub(a.at); step > 0 {
		a.interval, a.at = min(step, 2*s.width), at
		a.pace = max(1, int32(min(step, a.step, slowest).Seconds()/s.width.Seconds()+.5))
		a.step = step
	}
	return a.pace
}

// Next returns the next window that is complete, and what its series did. The
// slice is valid until the next call of Add. ok is false where none is complete.
func (s *Schedule[D, M]) Next(now time.Time) (w Window, points []Point[D], ok bool) {
	if !s.begun || !s.complete(now) {
		return 0, nil, false
	}
	w = s.next
	c := &s.open[uint64(w)%ahead]
	points = c.points
	clear(c.index)
	c.points = c.points[:0]
	s.next++
	if s.empty() {
		s.next = max(s.next, WindowOf(now, s.width)-1)
	}
	return w, points, true
}

func (s *Schedule[D, M]) empty() bool {
	for i := range s.open {
		if len(s.open[i].points) > 0 {
			return false
		}
	}
	return true
}

// complete says whether the next window is.
func (s *Schedule[D, M]) complete(now time.Time) bool {
	end := s.next.End(s.width)
	if now.Before(end) && len(s.agents) == 0 {
		return false
	}
	if !now.Before(end.Add(s.width)) {
		return true
	}
	for id, a := range s.agents {
		if now.Sub(a.heard) > agentGone {
			delete(s.agents, id)
			continue
		}
		if a.at.Before(end) && (now.Sub(a.heard) < s.settle || a.interval == 0 ||
			a.at.Add(a.interval-a.interval/jitter).Before(end)) {
			return false
		}
	}
	return true
}
