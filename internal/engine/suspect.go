// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/tcpwhy/tcpwhy/internal/localize"

// suspected are the pairs of pods of other views than those of some causes that seem to lose, although
// it is too early to say so, and those of these views that do not. The detector decides whether
// something is wrong; where it is, all that speaks for it tells, as far as it does.
func (e *Engine) suspected(causes []*cause) (bad, well []localize.Edge) {
	own := make(map[*view]bool, len(causes))
	for _, c := range causes {
		own[c.view] = true
	}
	for _, v := range e.views {
		if v.key.role == Listener || own[v] || !v.suspects[kindLoss] {
			continue
		}
		s := e.detectors.ratios[kindLoss].Suspicion(v.id)
		judge := losing(s.Baseline, s.Value)
		for _, t := range v.tracks {
			edge := localize.Edge{From: t.from, To: t.to}
			switch evidence := judge(t, s.Evidence); {
			case t.last != e.window:
			case evidence > 0:
				edge.Evidence = min(evidence, s.Evidence)
				bad = append(bad, edge)
			case evidence < 0:
				well = append(well, edge)
			}
		}
	}
	return bad, well
}
