// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// An anomaly is one series that rose, or one rule that matched, and has not ended.
type anomaly struct {
	id      string
	kind    kind // numKinds: a rule
	view    *view
	series  uint64 // the detector's: of the view, or of one of its tracks
	rule    *diagnose.Rule
	finding diagnose.Finding // as it matched last; no rule before it has
	beside  string           // what is to be said where none has
	verdict detect.Verdict
	matched detect.Window // the last one in which the rule did
	told    detect.Window
	opened  detect.Window // or spoke for itself again
	// fading: it has not ended, but nothing speaks for it now. It keeps its problem open, and
	// is no sign of another fault.
	fading bool
	// from where to which value its series has risen by now; zeros of a rule.
	from, value float64
	// urgent: it has passed a limit from which on users notice.
	urgent bool
	// postponed is for how many windows it has waited for what may explain it.
	postponed int
	// resumed is when something began to speak for it again; zero if it never faded. again is in how many windows it has
	// since, as few as tell nothing.
	resumed time.Time
	again   int
}

// rulesOf are those that speak for what detectors find.
var rulesOf = func() (rules [numKinds]*diagnose.Rule) {
	for _, rule := range diagnose.Rules() {
		switch rule.Type {
		case "tcp_retransmit_rise":
			rules[kindLoss] = rule
		case "tcp_spurious_retransmit":
			rules[kindNeedless] = rule
		case "tcp_rtt_rise":
			rules[kindRTT] = rule
		case "tcp_jitter_rise":
			rules[kindJitter] = rule
		case "tcp_syn_retransmit":
			rules[kindSYN] = rule
		case "tcp_reset_storm":
			rules[kindResets] = rule
		}
	}
	return rules
}()

// kindOf is the detector that a rule needs; numKinds is none.
func kindOf(rule *diagnose.Rule) kind {
	for k, r := range rulesOf {
		if r == rule {
			return kind(k)
		}
	}
	return numKinds
}

// newAnomaly returns one with an id of its own: two workloads may call each other, and either's
// connections rise at the same moment.
func newAnomaly(v *view, k kind, rule *diagnose.Rule, start time.Time) *anomaly {
	what := localize.Name{Namespace: strconv.Itoa(int(v.key.role)), Kind: rule.Type, Name: start.UTC().String()}
	return &anomaly{
		id:   fmt.Sprintf("%016x", hash(byte(k), v.key.observer, v.key.peer, what)),
		kind: k, view: v, rule: rule,
	}
}

// typ is what is wrong, as far as a rule has said.
func (a *anomaly) typ() string {
	if a.finding.Type != "" {
		return a.finding.Type
	}
	return a.rule.Type
}

func (a *anomaly) side() diagnose.Side {
	if a.finding.Side != "" {
		return a.finding.Side
	}
	return diagnose.SidePath
}

const (
	// largeRise is how many times the baseline a share of events is that opens a problem by
	// itself, largeShare how large it is at least, unless the other end confirms it, and largeEvents of
	// how many events.
	largeRise   = 5
	largeShare  = .005
	largeEvents = 10
	// sureShift is how many times the threshold a distribution has to reach for the same.
	sureShift = 2
)

// gate says what the anomaly takes to open a problem.
func (a *anomaly) gate() problem.Gate {
	v := &a.verdict
	switch a.kind {
	case kindLoss, kindSYN, kindResets:
		if !a.resumed.IsZero() && a.again < diagnose.Ticks { // what it has been told for is over
			return problem.Corroborated
		}
		large := a.finding.Confirmed || v.Value >= largeShare
		if large && v.Value >= largeRise*v.Baseline && v.Value*float64(v.Samples) >= largeEvents {
			return problem.Alone
		}
		return problem.Corroborated
	case kindNeedless:
		if a.finding.Rule == nil || a.finding.Mild {
			return problem.Evidence
		}
		return problem.Alone
	case kindRTT, kindJitter:
		switch {
		case a.finding.Confirmed || v.Evidence >= sureShift*v.Threshold:
			return problem.Alone
		case v.Young && a.denied(): // its neighbours are young, too, and one busy host moves them all
			return problem.Evidence
		}
		return problem.Corroborated
	}
	switch {
	case a.finding.Mild:
		return problem.Evidence
	case a.finding.Unsure:
		return problem.Corroborated
	}
	return problem.Alone
}

// rise is what rules read of what a detector says. Of losses the number is as of now: no rule decides by it.
func (a *anomaly) rise() *diagnose.Rise {
	r := &diagnose.Rise{
		Baseline: a.verdict.Baseline, Value: a.verdict.Value, Evidence: a.verdict.Evidence, From: a.from, To: a.value,
	}
	if a.kind == kindLoss && a.value > 0 {
		r.Value = a.value
	}
	return r
}

// present is what a detector has said, with the numbers of now: something else may have been a reason to tell of it.
func (a *anomaly) present() detect.Verdict {
	v := a.verdict
	if v.Step == detect.Updated && a.from > 0 {
		v.Baseline, v.Value, v.Ratio, v.Peak = a.from, a.value, a.value/a.from, max(v.Peak, a.value)
	}
	return v
}

// denied tells whether the other end has round trips, too, and does not see the same of them.
func (a *anomaly) denied() bool {
	o := a.view.other
	return o != nil && o.rtt.Total() > 0 && len(o.stuck(a.view.window)) == 0 && (o.risen[a.kind] == nil || o.risen[a.kind].fading)
}

// member is the anomaly as a problem knows it, as a symptom of another or not.
func (a *anomaly) member(symptom bool) problem.Anomaly {
	onset := a.verdict.Start
	if !a.resumed.IsZero() {
		onset = a.resumed
	}
	return problem.Anomaly{
		ID: a.id, Gate: a.gate(), Onset: onset, Symptom: symptom,
		Sender: a.view.key.observer, Receiver: a.view.key.peer,
	}
}
