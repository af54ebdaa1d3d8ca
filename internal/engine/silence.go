// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

const (
	// silentTimes is how many times the longest silence so far a silence of a server is, and for how many
	// windows it lasts at least, before it tells anything.
	silentTimes = 3
	// maxUsual is how long a server is silent on purpose at most, in seconds, as one that is polled and
	// answers when there is news. What lasts longer is not learned, or a server that hung might do so again.
	maxUsual = 60
	// steady is how many windows with answers there are before a silence that tells anything, none of which
	// ended one of several windows.
	steady = 6
)

// A silence is for how long a client has waited for answers to what its server's kernel has acknowledged, while
// none came. A server that never answered, or now and then, says nothing by that.
type silence struct {
	since     float32 // seconds
	windows   uint8
	answers   uint8 // windows with answers before, at most steady
	answering bool  // in the last window
}

// note takes in what a client says of a window, and whether all that its server has sent has arrived. Where anything
// waits on the way, an answer may, too. usual is the longest silence that ended with an answer, of a server's any pod.
func (s *silence) note(client *diagnose.Report, arrived bool, usual *float32) {
	s.answering = client.Exchanges > 0
	switch {
	case s.answering:
		if s.windows > 1 {
			s.answers = 0
		}
		*usual = max(*usual, min(s.since, maxUsual))
		s.answers, s.windows, s.since = min(s.answers+1, steady), 0, 0
	case client.Awaiting == 0, !delivered(client), !arrived: // nobody asks, or who did has given up
		s.windows, s.since = 0, 0
	default:
		s.windows, s.since = min(s.windows, silentTimes)+1, s.since+float32(client.Seconds)
	}
}

// delivered tells whether all that an end has sent has arrived, as far as it says.
func delivered(r *diagnose.Report) bool {
	return r.SendQueue == 0 && r.Retransmits[diagnose.RetransmitTimeout] == 0 && r.Retransmits[diagnose.RetransmitSYN] == 0
}

// told is how long it has lasted, if that tells anything; else 0.
func (s *silence) told(usual float32) float64 {
	if s.answers < steady || s.windows < silentTimes || s.since < silentTimes*usual {
		return 0
	}
	return float64(s.since)
}

// A hush is for how long (s) a server has answered nothing, and which of its pods, if it is not all of them.
type hush struct {
	seconds float64
	pods    []string
}

// hear notes which servers do not answer, as a whole and pod by pod. A server that nobody observes is not among them.
func (e *Engine) hear(w detect.Window, points []detect.Point[cell]) {
	for i := range points {
		c := &points[i].Data
		if t := c.track; t != nil && !t.gone && t.view.key.role == Client {
			o := t.other
			t.silence.note(&c.report, o != nil && o.last == w && o.arrived, &t.view.usual)
		}
	}
	for _, v := range e.views {
		if v.key.role == Client {
			o := v.other
			v.silence.note(&v.report, o != nil && o.window == w && delivered(&o.report), &v.usual)
			v.hush = v.listen()
		}
	}
}

// listen returns who does not answer a client's view: pods, if others do or are asked nothing. A pod that
// answers anybody does.
func (v *view) listen() hush {
	h := hush{seconds: v.silence.told(v.usual)}
	if !slices.ContainsFunc(v.tracks, v.ignored) {
		return h
	}
	longest := make(map[localize.Name]float64, len(v.tracks)) // 0: it answers, or is asked nothing
	for _, t := range v.tracks {
		if t.last == v.window {
			longest[t.to.Pod] = max(longest[t.to.Pod], t.silence.told(v.usual))
		}
	}
	for _, t := range v.tracks {
		if t.silence.answering && t.last == v.window || t.to.Pod == (localize.Name{}) {
			longest[t.to.Pod] = 0
		}
	}
	for pod, seconds := range longest {
		if h.seconds = max(h.seconds, seconds); seconds > 0 {
			h.pods = append(h.pods, pod.Name)
		}
	}
	if slices.Sort(h.pods); len(h.pods) == len(longest) {
		h.pods = nil
	}
	return h
}

// ignored tells whether a track's client has waited in vain for long enough.
func (v *view) ignored(t *track) bool { return t.last == v.window && t.silence.told(v.usual) > 0 }

// waits is who does not answer the client of a view.
func (v *view) waits() hush {
	switch {
	case v.key.role == Client:
		return v.hush
	case v.key.role == Server && v.other != nil && v.other.window == v.window:
		return v.other.hush
	}
	return hush{}
}

// hushed tells whether it is others than in the window before.
func (v *view) hushed() bool {
	if v.key.role == Server && v.other != nil {
		v = v.other
	}
	return v.hush.seconds > 0 && (v.before.seconds == 0 || !slices.Equal(v.hush.pods, v.before.pods))
}
