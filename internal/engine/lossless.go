// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// lossless are edges that are well by as much as they tell against a loss such as that of some causes: 50
// segments of which none is lost say nothing against 1 %. They are as before if a cause is of another kind.
func (e *Engine) lossless(causes []*cause, healthy []localize.Edge) []localize.Edge {
	from, to, onset := 0., 1., e.window
	for _, c := range causes {
		a := c.view.risen[kindLoss]
		if a == nil || c.finding.Rule != rulesOf[kindLoss] {
			return healthy
		}
		from, to = max(from, a.verdict.Baseline), min(to, c.view.lossShare(a))
		onset = min(onset, detect.WindowOf(a.verdict.Start, e.set.Width))
	}
	judge := losing(from, to)
	windows := float64(min(e.window-onset+1, detect.Window(e.history)))
	var well []localize.Edge
	for _, v := range e.quiet(causes, func(v *view) bool { return !e.detectors.suspicious(kindLoss, v) }) {
		for _, t := range v.tracks {
			if !t.heard(e.window) {
				continue
			}
			seen := *t
			if !v.loses { // it begins to count when a loss seems to rise
				seen.segments *= windows
			}
			if evidence := judge(&seen, 0); evidence < 0 {
				well = append(well, localize.Edge{From: t.from, To: t.to, Evidence: evidence})
			}
		}
	}
	return well
}

// lossShare is the share that those of a view's pairs of pods lose that lose any.
func (v *view) lossShare(a *anomaly) float64 {
	judge := losing(a.verdict.Baseline, a.verdict.Value)
	episodes, segments := 0., 0.
	for _, t := range v.tracks {
		if judge(t, 0) > 0 {
			episodes, segments = episodes+t.episodes, segments+math.Max(t.segments, t.episodes)
		}
	}
	if segments == 0 {
		return a.verdict.Value
	}
	return episodes / segments
}
