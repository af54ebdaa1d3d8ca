// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// maxRemembered is how many tracks remember windows at once at most; the pods of others are
// judged together only.
const maxRemembered = 4000

// A past is what a track did in a window before.
type past struct {
	window detect.Window
	report diagnose.Report
}

// recall has the tracks of views that rules look at remember what they did, and others forget it.
func (e *Engine) recall(w detect.Window, points []detect.Point[cell]) {
	for i := range points {
		if c := &points[i].Data; c.track != nil && !c.track.gone {
			c.report.Seconds = c.track.view.report.Seconds
			if c.report.Trouble() {
				c.track.view.trouble = w
			}
		}
	}
	remembered := 0
	for i := range points {
		c := &points[i].Data
		switch t := c.track; {
		case t == nil || t.gone:
		case remembered < maxRemembered && len(t.view.tracks) > 1 && (e.looks(w, t.view) || t.view.other != nil && e.looks(w, t.view.other)):
			remembered++
			t.remember(w, &c.report, e.history)
		default:
			t.past = nil
		}
	}
}

// looks tells whether rules look at a view.
func (e *Engine) looks(w detect.Window, v *view) bool {
	return v.troubled() || w-v.trouble < detect.Window(e.history)
}

func (t *track) remember(w detect.Window, report *diagnose.Report, windows int) {
	if len(t.past) >= windows {
		copy(t.past, t.past[1:])
		t.past = t.past[:windows-1]
	}
	t.past = append(t.past, past{w, *report})
}

// parts adds what rules find of the way in which a single pod reads or writes, and of what is stuck there,
// and not all of them together: a healthy twin halves what is wrong with the other. The rest is left to
// the pair: a pod that restarts refuses connections while others serve. Of one pod's few connections
// each one that is stuck for any reason looks like a rule's, so those take another pair to be sure.
func (e *Engine) parts(w detect.Window, v *view) {
	if len(v.tracks) < 2 || v.key.role == Listener {
		return
	}
	for _, p := range e.pairsByPod(w, v, v.tracks) {
		for _, f := range diagnose.Diagnose(p) {
			if f.Rule.Class == diagnose.ClassWindow || f.Rule.Class == diagnose.ClassWrite {
				v.add(f)
			}
		}
	}
	for _, p := range e.pairsByPod(w, v, v.stuck(w)) {
		for _, f := range diagnose.Diagnose(p) {
			if f.Rule.Stuck {
				f.Unsure = true
				v.add(f)
			}
		}
	}
	slices.SortStableFunc(v.findings, func(a, b diagnose.Finding) int {
		return cmp.Compare(diagnose.Rank(a.Rule), diagnose.Rank(b.Rule))
	})
}

// stuck are the tracks on which all that is sent waits.
func (v *view) stuck(w detect.Window) []*track {
	var stuck []*track
	for _, t := range v.tracks {
		if n := len(t.past); n > 0 && t.past[n-1].window == w && t.past[n-1].report.Stuck() > 0 {
			stuck = append(stuck, t)
		}
	}
	return stuck
}

// add adds a finding, unless the same rule has one that is as bad.
func (v *view) add(f diagnose.Finding) {
	i := slices.IndexFunc(v.findings, func(o diagnose.Finding) bool { return o.Rule == f.Rule })
	switch {
	case i < 0:
		v.findings = append(v.findings, f)
	case v.findings[i].Mild && !f.Mild, v.findings[i].Unsure && !f.Unsure:
		v.findings[i] = f
	}
}

// pairsByPod are what tracks of the view did, one for each pod of the peer, and for each of its own.
func (e *Engine) pairsByPod(w detect.Window, v *view, tracks []*track) []*diagnose.Pair {
	if len(tracks) == 0 {
		return nil
	}
	var parts []*diagnose.Pair
	near := func(t *track) localize.Name { return t.from.Pod }
	far := func(t *track) localize.Name { return t.to.Pod }
	others := v.mirrored(tracks)
	for _, ends := range [...][2]func(*track) localize.Name{{far, near}, {near, far}} {
		groups := podsOf(tracks, ends[0])
		if len(groups) < 2 && len(tracks) == len(v.tracks) {
			continue
		}
		for _, pod := range groups {
			p := v.pair()
			p.Receiver = nil
			if p.Sender = history(tracks, ends[0], pod, w, e.history); len(p.Sender) == 0 {
				continue
			}
			p.Receiver = history(others, ends[1], pod, w, e.history)
			e.listen(v, p)
			parts = append(parts, p)
		}
	}
	return parts
}

// mirrored are the peer's tracks of the same pairs of pods.
func (v *view) mirrored(tracks []*track) []*track {
	if v.other == nil {
		return nil
	}
	if len(tracks) == len(v.tracks) {
		return v.other.tracks
	}
	var mirrors []*track
	for _, o := range v.other.tracks {
		if slices.ContainsFunc(tracks, func(t *track) bool { return t.from.Pod == o.to.Pod && t.to.Pod == o.from.Pod }) {
			mirrors = append(mirrors, o)
		}
	}
	return mirrors
}

// podsOf are the pods at one end of tracks, each once; what is no pod is left out.
func podsOf(tracks []*track, end func(*track) localize.Name) []localize.Name {
	var pods []localize.Name
	for _, t := range tracks {
		if pod := end(t); pod != (localize.Name{}) && !slices.Contains(pods, pod) {
			pods = append(pods, pod)
		}
	}
	return pods
}

// history is what the tracks with that pod did in the last windows, window by window.
func history(tracks []*track, end func(*track) localize.Name, pod localize.Name, w detect.Window, windows int) diagnose.History {
	var all []past
	for _, t := range tracks {
		if end(t) == pod {
			all = append(all, t.past...)
		}
	}
	slices.SortStableFunc(all, func(a, b past) int { return cmp.Compare(a.window, b.window) })
	var joined diagnose.History
	last := detect.Window(-1)
	for i := range all {
		switch p := &all[i]; {
		case w-p.window >= detect.Window(windows):
		case p.window == last:
			joined[len(joined)-1].Join(&p.report)
		default:
			joined, last = append(joined, p.report), p.window
		}
	}
	return joined
}
