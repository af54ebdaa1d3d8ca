// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// suspected are the pairs of pods of other views than those of some causes that seem to be bad, although
// it is too early to say so, and those of these views that do not. The detectors decide whether
// something is wrong; where it is, all that speaks for it tells, as far as it does. Of segments that are
// sent again for nothing a busy host has some, too: they are asked only where such a cause is.
func (e *Engine) suspected(causes []*cause) (bad, well []localize.Edge) {
	own := make(map[*view]bool, len(causes))
	for _, c := range causes {
		own[c.view] = true
	}
	needless := slices.ContainsFunc(causes, func(c *cause) bool { return c.finding.Rule == rulesOf[kindNeedless] })
	for _, v := range e.views {
		switch {
		case v.key.role == Listener || own[v]:
		case v.suspects[kindLoss]:
			s := e.detectors.ratios[kindLoss].Suspicion(v.id)
			bad, well = e.split(v, losing(s.Baseline, s.Value), s.Evidence, bad, well)
		case needless && v.suspects[kindNeedless]:
			if judge := troubled(v, troubleNeedless); judge != nil {
				s := e.detectors.ratios[kindNeedless].Suspicion(v.id)
				bad, well = e.split(v, judge, s.Evidence, bad, well)
			}
		}
	}
	return bad, well
}

// split appends the pairs of pods of a view that are bad, with the evidence for all of them at most, and
// those that are well.
func (e *Engine) split(v *view, judge func(*track, float64) float64, all float64, bad, well []localize.Edge) (b, w []localize.Edge) {
	for _, t := range v.tracks {
		edge := localize.Edge{From: t.from, To: t.to}
		switch evidence := judge(t, all); {
		case !t.heard(e.window):
		case evidence > 0:
			edge.Evidence = min(evidence, all)
			bad = append(bad, edge)
		case evidence < 0:
			edge.Evidence = evidence
			well = append(well, edge)
		}
	}
	return bad, well
}
