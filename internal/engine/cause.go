// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
)

// A cause is a finding that nothing else of its view explains, with what it explains.
type cause struct {
	view    *view
	finding *diagnose.Finding
	members []*anomaly // its own first
}

// explains says which classes of trouble are symptoms of another. Segments that are lost
// are also those of handshakes, and each retransmission is a long round trip; a receiver
// without room drops what comes, and who waits for it gives up; who cannot connect sends its
// SYN again.
func explains(cause, symptom *diagnose.Rule) bool {
	switch cause.Class {
	case diagnose.ClassLoss:
		return symptom.Class == diagnose.ClassDelay || symptom.Class == diagnose.ClassLoss || symptom == rulesOf[kindSYN]
	case diagnose.ClassWindow:
		return symptom.Class == diagnose.ClassDelay || symptom.Class == diagnose.ClassLoss || symptom.Class == diagnose.ClassWindow ||
			symptom.Class == diagnose.ClassReset
	case diagnose.ClassWrite:
		return symptom.Class == diagnose.ClassDelay
	case diagnose.ClassConnect:
		if cause == rulesOf[kindSYN] {
			return false
		}
		return symptom.Class == diagnose.ClassConnect || symptom.Class == diagnose.ClassReset ||
			cause.Critical && symptom.Class == diagnose.ClassLoss
	}
	return cause.Class == symptom.Class
}

// delayed tells whether round trips are found to have risen, or, where they hold for so long, to vary.
func (v *view) delayed() bool {
	return slices.ContainsFunc(v.findings, func(f diagnose.Finding) bool { return v.delays(&f) && !v.alone(&f) })
}

// delays tells whether that is what makes late what is late.
func (v *view) delays(f *diagnose.Finding) bool {
	return f.Rule == rulesOf[kindRTT] || f.Rule.Class == diagnose.ClassDelay && v.holds()
}

// symptoms are the rules that a rule explains.
func symptoms(rule *diagnose.Rule) []string {
	var types []string
	for _, other := range diagnose.Rules() {
		if other != rule && explains(rule, other) {
			types = append(types, other.Type)
		}
	}
	return types
}

// causes are those of one view, in order of precedence. What is mild and not explained
// by anything is no cause.
func (v *view) causes() []*cause {
	var causes []*cause
	for i := range v.findings {
		f := &v.findings[i]
		a := v.anomaly(f.Rule)
		if a == nil || v.explained(i) {
			continue
		}
		if !f.Mild && !v.alone(f) && !v.pending(a) {
			causes = append(causes, &cause{view: v, finding: f, members: []*anomaly{a}})
		}
	}
	for _, a := range v.anomalies() {
		for _, c := range causes {
			if c.members[0] != a && !a.fading && explains(c.finding.Rule, a.rule) {
				c.members = append(c.members, a)
				break
			}
		}
	}
	return causes
}

// explained tells whether another finding is the cause of one, in which case it is not a cause itself.
func (v *view) explained(i int) bool {
	f := &v.findings[i]
	before := func(o diagnose.Finding) bool {
		return !o.Mild && explains(o.Rule, f.Rule) && (!o.Late || !v.delays(f))
	}
	after := func(o diagnose.Finding) bool { return o.Rule.Class != f.Rule.Class && explains(o.Rule, f.Rule) }
	return slices.ContainsFunc(v.findings[:i], before) || slices.ContainsFunc(v.findings[i+1:], after) ||
		f.Late && (v.delayed() || v.other != nil && v.other.delayed()) || f.Rule == rulesOf[kindSYN] && v.losesAnswers()
}

// handshakeLosses is how many times the share of lost segments the share of SYNs that are sent again is at most because of
// these: each may be lost, or its answer, and of a few attempts to connect chance makes more.
const handshakeLosses = 4

// losesAnswers tells whether so much of what the peer sends is lost that answers to SYNs are, too.
func (v *view) losesAnswers() bool {
	o, syn := v.other, v.risen[kindSYN]
	if o == nil || o.window != v.window || syn == nil || o.risen[kindLoss] == nil {
		return false
	}
	return syn.value <= handshakeLosses*o.risen[kindLoss].value && slices.ContainsFunc(o.findings, func(f diagnose.Finding) bool {
		return f.Rule == rulesOf[kindLoss] && f.Weight > 0 && !f.Mild && !f.Late
	})
}

// alone tells whether only one of two ends sees its round trips rise. The way there and back is
// the same for both: what one end waits for is then the other, which answers late, and with the
// answer acknowledges. An end that waits for acknowledgements all the time has no round trips to see it by.
func (v *view) alone(f *diagnose.Finding) bool {
	if o := v.other; f.Rule.Class == diagnose.ClassDelay && f.Weight > 0 && !f.Confirmed && o != nil {
		return o.calm >= minHealthy && len(o.stuck(v.window)) == 0
	}
	return false
}

// patience is for how many windows what may be a symptom waits for its cause.
const patience = 4

// pending tells whether an anomaly may be a symptom of what detectors suspect already: each loss is a
// long round trip, and a longer path is jitter at first. Who takes fewer samples to be seen comes
// first, and is not always the cause: what is sent again for nothing while many round trips outlast a timeout, and what
// is late, waits for these. What has been seen by one end alone begins to speak when the other
// sees it.
func (v *view) pending(a *anomaly) bool {
	late := a.finding.Late && (a.kind == kindSYN || a.kind == kindLoss)
	if a.kind == kindNeedless && a.typ() == a.rule.Type || late {
		a.postponed++
		return (v.late || v.suspects[kindRTT] || late || len(v.stuck(v.window)) > 0) && a.postponed <= patience
	}
	if a.rule.Class != diagnose.ClassDelay {
		return false
	}
	since, loses := a.opened, v.loseFirst()
	if o := v.other; o != nil {
		for _, k := range [...]kind{kindRTT, kindJitter} {
			if second := o.risen[k]; second != nil {
				since = max(since, second.opened)
			}
		}
		loses = loses || o.loseFirst()
	}
	if v.holds() || v.other != nil && v.other.holds() { // then losses are late, see diagnose.Pair.Held
		return false
	}
	return v.window-since < patience && (loses || a.kind == kindJitter && v.suspects[kindRTT])
}

// loseFirst tells whether losses are suspected that may be what makes round trips long. It is not they if the shorter
// quarter has become longer, at both ends; what is sent again for nothing only if that takes the shortest timeout.
func (v *view) loseFirst() bool {
	longest := v.longest()
	return v.suspects[kindLoss] && longest == nil ||
		v.suspects[kindNeedless] && (longest == nil || longest.Value < diagnose.ShortestTimeout)
}

// anomaly returns the one that speaks for a rule, nil if there is none.
func (v *view) anomaly(rule *diagnose.Rule) *anomaly {
	if k := kindOf(rule); k < numKinds {
		return v.risen[k]
	}
	return v.match(rule)
}

// anomalies are all that have not ended.
func (v *view) anomalies() []*anomaly {
	all := slices.Clone(v.matched)
	for _, a := range v.risen {
		if a != nil {
			all = append(all, a)
		}
	}
	return all
}
