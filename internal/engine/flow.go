// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// A Role is what the observed end was in the handshake.
type Role uint8

// Roles. A listener has no peer.
const (
	Unknown Role = iota
	Client
	Server
	Listener
)

// mirror is what the peer was.
func (r Role) mirror() Role {
	switch r {
	case Client:
		return Server
	case Server:
		return Client
	}
	return Unknown
}

// A Spec says whose flow it is.
type Spec struct {
	// Agent is who observes: all that has one number comes at the same time.
	Agent uint64
	Role  Role
	// Source is the observed end, Destination its peer.
	Source, Destination localize.End
	// Label is the caller's, and comes back with what is found: that of the flow that
	// was seen first.
	Label any
}

// A Flow is what one end says of connections with one peer.
type Flow struct {
	spec  Spec
	track *track // nil: there was no room for it

	place  detect.Place
	at     uint64 // of place, ns since 1970
	placed bool
	gauges uint64        // time of the gauges that were taken in
	window detect.Window // that they were taken in for
}

// Flow begins to watch a flow.
func (e *Engine) Flow(spec Spec) *Flow {
	return &Flow{spec: spec, track: e.tracks.get(&spec)}
}

// Sum adds what has happened up to a time (ns since 1970), as it is told now.
func (e *Engine) Sum(now time.Time, f *Flow, at uint64, field Field, growth float64) {
	if c := e.cell(now, f, at); c != nil {
		c.sum(field, growth)
	}
}

// Gauge adds how a gauge is at a time (ns since 1970). Of several times in one window
// the first one counts: gauges of flows are added up, those of times are not.
func (e *Engine) Gauge(now time.Time, f *Flow, at uint64, field Field, value float64) {
	c := e.cell(now, f, at)
	if c == nil {
		return
	}
	if f.gauges == 0 || f.window != f.place.Window {
		f.gauges, f.window = at, f.place.Window
	}
	if f.gauges == at {
		c.gauge(field, value)
	}
}

// Exponential adds the positive buckets of what an exponential histogram has grown by.
func (e *Engine) Exponential(now time.Time, f *Flow, at uint64, field Field, scale, offset int, counts []uint64) {
	if h := e.histogram(now, f, at, field); h != nil && h.AddExponential(scale, offset, counts) != nil {
		e.losses.Malformed++
	}
}

// Explicit adds the buckets of what an explicit histogram has grown by.
func (e *Engine) Explicit(now time.Time, f *Flow, at uint64, field Field, bounds []float64, counts []uint64) {
	if h := e.histogram(now, f, at, field); h != nil && h.AddExplicit(bounds, counts) != nil {
		e.losses.Malformed++
	}
}

func (e *Engine) histogram(now time.Time, f *Flow, at uint64, field Field) *shift.Histogram {
	c := e.cell(now, f, at)
	switch {
	case c == nil:
		return nil
	case field == Variation:
		return &c.variation
	}
	return &c.rtt
}

// cell returns where to add what a flow did up to a time, nil if that is not used.
func (e *Engine) cell(now time.Time, f *Flow, at uint64) *cell {
	if f.placed && f.at == at {
		return e.schedule.Data(f.place)
	}
	if f.track == nil || f.track.gone {
		if f.track = e.tracks.get(&f.spec); f.track == nil {
			e.losses.Refused++
			return nil
		}
	}
	f.at = at
	f.place, f.placed = e.schedule.Place(now, time.Unix(0, int64(at)), f.spec.Agent, f.track.series)
	if !f.placed {
		return nil
	}
	c := e.schedule.Data(f.place)
	c.track, c.pace = f.track, f.place.Pace
	return c
}
