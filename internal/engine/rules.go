// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// quietSeconds is how long a rule must not have matched before what it found is over.
// Together with how far rules look back it is as long as the detectors' minute.
const quietSeconds = 30

// rise notes what a detector says of a series. The view's and its tracks' are one anomaly, which
// lasts as long as one of them says so.
func (e *Engine) rise(k kind, series detect.Series, verdict detect.Verdict) {
	v := e.tracks.byID[series.ID]
	if v == nil {
		return
	}
	switch verdict.Step {
	case detect.Opened:
		v.eyes[k] = append(v.eyes[k], series.ID)
	case detect.Closed:
		v.eyes[k] = slices.DeleteFunc(v.eyes[k], func(id uint64) bool { return id == series.ID })
	}
	a := v.risen[k]
	switch {
	case a != nil && a.series != series.ID:
		return
	case a != nil && verdict.Step == detect.Closed && len(v.eyes[k]) > 0:
		a.series = v.eyes[k][0]
		return
	case verdict.Step == detect.Opened:
		a = newAnomaly(v, k, rulesOf[k], verdict.Start)
		a.series, a.opened = series.ID, e.window
		v.risen[k] = a
		e.live = append(e.live, a)
	case a == nil:
		return
	case verdict.Step == detect.Closed:
		v.risen[k] = nil
		e.ended[a.id] = verdict.End
	}
	a.verdict = verdict
	e.steps = append(e.steps, step{a, verdict.Step})
}

// rules lets all rules look at what may be wrong.
func (e *Engine) rules(w detect.Window) {
	e.age(w)
	for _, a := range e.live {
		if a.kind < numKinds {
			a.from, a.value = e.detectors.rise(a)
		}
		a.urgent = a.urgent || a.passes()
		fades := e.fades(w, a)
		if a.fading && !fades {
			a.resumed, a.opened, a.again = w.Start(e.set.Width), w, 0
		}
		a.fading = fades
		if _, events := a.view.counted(a.kind); events > 0 && a.view.window == w {
			a.again = min(a.again+1, diagnose.Ticks)
		}
	}
	for _, v := range e.views {
		if e.looks(w, v) {
			e.diagnose(w, v)
		}
	}
	for _, a := range e.live {
		if a.kind == numKinds && a.matched < w {
			e.calm(w, a)
		}
	}
	e.tell(w.End(e.set.Width))
}

// fadeWindows is after how many windows without a match nothing speaks for a rule's anomaly.
const fadeWindows = 3

func (e *Engine) fades(w detect.Window, a *anomaly) bool {
	if a.kind == numKinds {
		return a.view.told(w)-a.matched >= fadeWindows
	}
	return e.detectors.fading(a.view.told(w), a) && (a.kind != kindRTT || a.view.longest() == nil)
}

// silentAfter is how many windows without data are silence: an agent's next point may be a little late.
const silentAfter = 2

// age lets time go on for views with anomalies of which nothing is heard any more.
func (e *Engine) age(w detect.Window) {
	for _, a := range e.live {
		v := a.view
		if v.window == w || v.told(w)-v.last < silentAfter {
			continue
		}
		last := v.last
		v.begin(w)
		v.remember(e.history, e.set.Width.Seconds())
		v.last = last
		e.views = append(e.views, v)
	}
}

// diagnose notes which rules match a view.
func (e *Engine) diagnose(w detect.Window, v *view) {
	p := v.pair()
	e.listen(v, p)
	v.findings = diagnose.Diagnose(p)
	e.parts(w, v)
	v.excuse(p)
	for i := range v.findings {
		f := &v.findings[i]
		if k := kindOf(f.Rule); k < numKinds {
			a := v.risen[k]
			if a.finding.Rule == nil || !v.resting(k) {
				a.finding = *f
			}
			if v.hushed() && a.opened < w {
				a.verdict.Step = detect.Updated
				e.steps = append(e.steps, step{a, detect.Updated})
			}
			continue
		}
		a := v.match(f.Rule)
		if a == nil {
			a = e.begin(w, v, f.Rule)
		}
		a.finding, a.matched = *f, w
		if time.Duration(w-a.told)*e.set.Width >= detect.UpdateEvery || v.hushed() && a.opened < w {
			a.told, a.verdict.Step = w, detect.Updated
			e.steps = append(e.steps, step{a, detect.Updated})
		}
	}
}

// excuse notes of round trips whose rise no rule takes up that calls wait for their server, if they do.
func (v *view) excuse(p *diagnose.Pair) {
	for _, k := range [...]kind{kindRTT, kindJitter} {
		if a := v.risen[k]; a != nil && a.finding.Rule == nil {
			a.beside = diagnose.Whose(p).String()
		}
	}
}

// resting tells whether a window has nothing of what a detector counts: then what was said of
// the last one that had stays.
func (v *view) resting(k kind) bool {
	return (k == kindLoss || k == kindNeedless) && v.report.Episodes == 0
}

// match returns the anomaly that a rule has opened.
func (v *view) match(rule *diagnose.Rule) *anomaly {
	for _, a := range v.matched {
		if a.rule == rule {
			return a
		}
	}
	return nil
}

// begin opens the anomaly of a rule. It began with the first of the windows in a row that
// had something for a rule to look at.
func (e *Engine) begin(w detect.Window, v *view, rule *diagnose.Rule) *anomaly {
	first := w + 1
	for i := len(v.history) - 1; i >= 0 && v.history[i].Trouble(); i-- {
		first--
	}
	start := min(first, w).Start(e.set.Width)
	a := newAnomaly(v, numKinds, rule, start)
	a.verdict = detect.Verdict{
		Step: detect.Opened, Change: detect.Absolute, Resolution: 1, Start: start, Detected: w.End(e.set.Width),
	}
	a.told, a.opened = w, w
	v.matched = append(v.matched, a)
	e.live = append(e.live, a)
	e.steps = append(e.steps, step{a, detect.Opened})
	return a
}

// calm closes the anomaly of a rule that has not matched for long enough.
func (e *Engine) calm(w detect.Window, a *anomaly) {
	windows := func(d time.Duration) detect.Window { return max(1, detect.Window(d/e.set.Width)) }
	if a.view.told(w)-a.matched < windows(quietSeconds*time.Second) {
		return
	}
	a.verdict.Step, a.verdict.Reason, a.verdict.End = detect.Closed, detect.Recovered, a.matched.End(e.set.Width)
	e.ended[a.id] = a.verdict.End
	e.steps = append(e.steps, step{a, detect.Closed})
	matched := a.view.matched[:0]
	for _, other := range a.view.matched {
		if other != a {
			matched = append(matched, other)
		}
	}
	a.view.matched = matched
}

// listen lets a client's pair know of its server's full accept queue, which the listener
// alone reports, if the client has felt it.
func (e *Engine) listen(v *view, p *diagnose.Pair) {
	if v.key.role != Client || !slices.ContainsFunc(p.Sender, unanswered) {
		return
	}
	listener := e.tracks.views[viewKey{v.key.peer, localize.Name{}, Listener}]
	if listener == nil || len(listener.history) == 0 {
		return
	}
	receiver := append(diagnose.History(nil), p.Receiver...)
	if len(receiver) == 0 {
		receiver = append(receiver, diagnose.Report{Seconds: e.set.Width.Seconds()})
	}
	last := &receiver[len(receiver)-1]
	for _, r := range listener.history {
		last.Overflows += r.Overflows
		last.Queue(r.QueueLength, r.QueueLimit)
	}
	if p.Receiver = receiver; last.Overflows > 0 {
		p.Arrived = e.arrived(v.key.peer)
	}
}

// arrived is how many connections a workload's servers have got in the windows that rules look at.
func (e *Engine) arrived(server localize.Name) (n uint64) {
	for key, v := range e.tracks.views {
		if key.observer != server || key.role != Server || e.window-v.last >= detect.Window(e.history) {
			continue
		}
		for i := range v.history {
			n += v.history[i].Opened
		}
	}
	return n
}

// unanswered tells whether a handshake was repeated or given up, or data was sent again by timeout: of a
// connection that a listener dropped its client believes that it is open.
func unanswered(r diagnose.Report) bool {
	return r.Retransmits[RetransmitSYN-RetransmitUnknown] > 0 || r.Failed[FailedTimeout-FailedOtherwise] > 0 ||
		r.Retransmits[diagnose.RetransmitTimeout] > 0
}
