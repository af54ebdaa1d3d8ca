// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

const (
	// floorShare is the share of round trips that are not longer than a floor. Few of those wait
	// for an acknowledgement that the peer delays, but all go the whole way.
	floorShare = .25
	// floorTimes and floorSeconds are by how much a floor has to rise.
	floorTimes, floorSeconds = 2, .001
	// floorMemory and freshMemory are how fast a track forgets, in seconds, what its round trips
	// usually are and how they are now, the latter at least a window. A long way takes three quarters
	// of what is usual to become so, 20 minutes; a short one a quarter, 4 minutes.
	floorMemory, freshMemory = 600, 5
	// floorAge is how many times what it had of late a track has to have had before.
	floorAge = 3
	// minLonger is for how many windows it has to have risen for a way to be longer, and minUsual how
	// many round trips have to tell how it was.
	minLonger, minUsual = 3, 200
)

// A floor is how a track's shorter round trips are.
type floor int8

// Floors.
const (
	floorUnknown floor = iota
	floorSame
	floorRisen
)

// learn adds the round trips of a window that ended so many seconds after the last one.
func (t *track) learn(w detect.Window, seconds, width float64, h *shift.Histogram) {
	if h.Total() > 0 {
		t.measured = w
	}
	t.usual = t.usual.add(math.Exp2(-seconds/floorMemory), h)
	t.fresh = t.fresh.add(math.Exp2(-seconds/max(width, freshMemory)), h)
	if t.floor() == floorRisen {
		t.longer = min(t.longer, math.MaxUint8-1) + 1
	} else {
		t.longer = 0
	}
}

// longest is the pair of pods whose way has become longer by most, as both ends see; nil if none has.
func (v *view) longest() *diagnose.Rise {
	var longest *diagnose.Rise
	for _, t := range v.tracks {
		if !v.seesLonger(t) {
			continue
		}
		was, all := t.usual.quantile(floorShare)
		is, _ := t.fresh.quantile(floorShare)
		if all >= minUsual && (longest == nil || is > longest.Value) {
			longest = &diagnose.Rise{Baseline: was, Value: is}
		}
	}
	return longest
}

// seesLonger tells whether both ends see the way of a track to be longer, in this window or the last: an end that
// sends nothing, as its server has stopped, has what it saw before.
func (v *view) seesLonger(t *track) bool {
	sees := func(t *track) bool { return t.longer >= minLonger && v.window-t.measured < silentAfter }
	return sees(t) && v.other != nil && slices.ContainsFunc(v.other.tracks, func(o *track) bool {
		return sees(o) && o.from.Pod == t.to.Pod && o.to.Pod == t.from.Pod
	})
}

// floor compares how long round trips are with how long they usually are.
func (t *track) floor() floor {
	was, all := t.usual.quantile(floorShare)
	is, fresh := t.fresh.quantile(floorShare)
	switch {
	case fresh < minPodSamples || all < floorAge*fresh:
		return floorUnknown
	case is >= floorTimes*was && is-was >= floorSeconds:
		return floorRisen
	}
	return floorSame
}

// quantile returns the value, in seconds, that a share of all values does not exceed, as if they
// were spread evenly over the logarithms of their bucket, and how many there are.
func (s *spread) quantile(share float64) (value, total float64) {
	if s == nil {
		return 0, 0
	}
	for _, count := range s {
		total += float64(count)
	}
	rank := share * total
	for k, count := range s {
		if c := float64(count); c > 0 && rank <= c {
			return shift.Lower(k) * math.Exp2(rank/c/2), total
		}
		rank -= float64(count)
	}
	return shift.Lower(shift.Buckets), total
}

// floorRisen tells whether the floor of any of a view's tracks has risen.
func (v *view) floorRisen() bool {
	for _, t := range v.tracks {
		if t.floor() == floorRisen {
			return true
		}
	}
	return false
}

// longer judges by floors.
func longer(t *track, all float64) float64 {
	switch t.floor() {
	case floorRisen:
		return all
	case floorSame:
		return -all
	}
	return 0
}

// floors are the edges of other views than those of some causes: bad ones whose floor has risen, and
// those that are well. There are none if no cause is one of floors: round trips that wait for an answer
// say nothing of the way. Where all that is sent waits there are none that could.
func (e *Engine) floors(causes []*cause) (bad, well []localize.Edge, told bool) {
	own := make(map[*view]bool, len(causes))
	for _, c := range causes {
		own[c.view] = true
		told = told || c.view.floorRisen()
	}
	if !told {
		return nil, nil, false
	}
	for _, v := range e.views {
		if v.key.role == Listener || own[v] {
			continue
		}
		for _, t := range v.tracks {
			edge := localize.Edge{From: t.from, To: t.to, Evidence: e.detectors.threshold}
			switch f := t.floor(); {
			case !t.heard(e.window):
			case f == floorRisen:
				bad = append(bad, edge)
			case e.window-t.measured < silentAfter && (f == floorSame || e.well(diagnose.ClassDelay, v)):
				well = append(well, edge)
			}
		}
	}
	return bad, well, true
}
