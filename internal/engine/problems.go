// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"cmp"
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

const (
	// urgentLoss is the share of lost segments, urgentRTT the round-trip time in seconds, and
	// urgentServices the number of services hit from which on users notice.
	urgentLoss     = .02
	urgentRTT      = .1
	urgentServices = 5
)

// limits are those of what detectors watch; 0 is none.
var limits = [numKinds]float64{kindLoss: urgentLoss, kindRTT: urgentRTT}

// problems finds the faults of a window, and tells what is new of problems.
func (e *Engine) problems(w detect.Window) {
	if len(e.live) == 0 && e.register.Len() == 0 {
		return
	}
	var causes []*cause
	seen := make(map[*view]bool)
	for _, a := range e.live {
		if !seen[a.view] {
			seen[a.view] = true
			causes = append(causes, a.view.causes()...)
		}
	}
	var findings []problem.Finding
	for _, f := range e.faults(causes) {
		findings = append(findings, e.finding(f))
	}
	slices.SortStableFunc(findings, func(a, b problem.Finding) int { return cmp.Compare(b.Root.Likelihood, a.Root.Likelihood) })
	at := w.End(e.set.Width)
	e.register.Unheard(e.unheard(w))
	for _, change := range e.register.Observe(at, findings, e.ended) {
		e.events = append(e.events, Event{At: at, Problem: &change})
	}
}

// unheard are the anomalies of views that say nothing.
func (e *Engine) unheard(w detect.Window) map[string]bool {
	silent := make(map[string]bool)
	for _, a := range e.live {
		if a.view.told(w)-a.view.spoke >= silentAfter {
			silent[a.id] = true
		}
	}
	return silent
}

// finding tells what a fault is.
func (e *Engine) finding(f *fault) problem.Finding {
	main := f.main()
	rule := main.finding.Rule
	r := problem.Finding{
		Type: main.members[0].typ(), Rule: rule.Type, Class: rule.Class, Rank: diagnose.Rank(rule), Symptoms: symptoms(rule),
		Root: f.root, Side: string(main.finding.Side),
		Advice: rule.Advice, AdviceID: rule.AdviceID, Belated: rule.Belated,
	}
	if incast, ok := f.incast(); ok {
		r.Type, r.Advice, r.AdviceID = incast.Type, incast.Rule.Advice, incast.Rule.AdviceID
	}
	for _, c := range f.causes {
		for i, a := range c.members {
			r.Members = append(r.Members, a.member(i > 0))
		}
	}
	for _, a := range f.extra {
		r.Members = append(r.Members, a.member(true))
	}
	r.Edges, r.Direct = f.pairs(), f.direct()
	r.Affected = e.graph.Affected(r.Direct)
	r.Node, r.Remote = f.ends()
	r.Title = title(&r, main.finding.Evidence)
	if urgent(f, &r) {
		r.Severity = problem.Error
	}
	return r
}

// main is the cause that speaks for all: of the rule that most of them are found by, the one with
// the most evidence; one that needs none has the most. A longer way is one with more variation for a
// while, so of delays the rule that comes first counts, not the number.
func (f *fault) main() *cause {
	found := make(map[*diagnose.Rule]int)
	for _, c := range f.causes {
		if c.finding.Rule.Class != diagnose.ClassDelay {
			found[c.finding.Rule]++
		}
	}
	return slices.MaxFunc(f.causes, func(a, b *cause) int {
		return cmp.Or(
			cmp.Compare(found[a.finding.Rule], found[b.finding.Rule]),
			cmp.Compare(diagnose.Rank(b.finding.Rule), diagnose.Rank(a.finding.Rule)),
			cmp.Compare(a.weight(), b.weight()))
	})
}

// weight is the evidence; what needs none has the most.
func (c *cause) weight() float64 {
	if c.finding.Weight == 0 {
		return 1e9
	}
	return c.finding.Weight
}

// incast tells whether many senders' bursts met at one receiver.
func (f *fault) incast() (diagnose.Finding, bool) {
	if f.causes[0].finding.Rule.Class != diagnose.ClassLoss {
		return diagnose.Finding{}, false
	}
	var pairs []*diagnose.Pair
	for _, c := range f.causes {
		if c.view.key.peer != f.causes[0].view.key.peer {
			return diagnose.Finding{}, false
		}
		pairs = append(pairs, c.view.pair())
	}
	return diagnose.Incast(pairs)
}

// maxPairs are the pairs of workloads that a problem names.
const maxPairs = 100

// pairs are the workloads at either end of the edges.
func (f *fault) pairs() []problem.Pair {
	var pairs []problem.Pair
	for i := range f.edges {
		p := problem.Pair{Sender: f.edges[i].From.Workload, Receiver: f.edges[i].To.Workload}
		if len(pairs) < maxPairs && !slices.Contains(pairs, p) && !slices.Contains(pairs, problem.Pair{Sender: p.Receiver, Receiver: p.Sender}) {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// direct are the workloads at the edges.
func (f *fault) direct() []localize.Name {
	var direct []localize.Name
	for _, edge := range f.edges {
		for _, name := range [...]localize.Name{edge.From.Workload, edge.To.Workload} {
			if name != (localize.Name{}) && !slices.Contains(direct, name) {
				direct = append(direct, name)
			}
		}
	}
	return direct
}

// ends are the workload, or the node, at which the problem is, and the other end of what
// shows it, if that is one only. Of a pair of which both directions are bad the client
// comes first.
func (f *fault) ends() (node, remote localize.Name) {
	p := f.root.Place
	switch p.Kind {
	case localize.KindPair, localize.KindNodePair, localize.KindZonePair:
		node, remote = p.A, p.B
		if p.Both && p.Kind == localize.KindPair && f.client() == p.B {
			node, remote = remote, node
		}
		return node, remote
	case localize.KindNode:
		node = p.A
	case localize.KindPod:
		node = f.workloadOf(p.A)
	default:
		node = p.A
	}
	others := f.others(node)
	if len(others) == 1 {
		remote = others[0]
	}
	return node, remote
}

// client is the workload that opens the connections of the first cause.
func (f *fault) client() localize.Name {
	if v := f.causes[0].view; v.key.role == Client {
		return v.key.observer
	}
	return f.causes[0].view.key.peer
}

func (f *fault) workloadOf(pod localize.Name) localize.Name {
	for _, edge := range f.edges {
		switch pod {
		case edge.From.Pod:
			return edge.From.Workload
		case edge.To.Pod:
			return edge.To.Workload
		}
	}
	return pod
}

// others are the workloads at the other ends.
func (f *fault) others(node localize.Name) []localize.Name {
	return slices.DeleteFunc(f.direct(), func(name localize.Name) bool { return name == node })
}

// passes tells whether what an anomaly is about is beyond its limit by now. It may become so long after the detector spoke.
func (a *anomaly) passes() bool {
	return a.kind < numKinds && limits[a.kind] > 0 && a.value >= limits[a.kind]
}

// urgent tells whether users notice: an absolute limit is passed, or many services are hit.
func urgent(f *fault, r *problem.Finding) bool {
	if len(r.Direct)+len(r.Affected) >= urgentServices {
		return true
	}
	return slices.ContainsFunc(f.causes, func(c *cause) bool { return c.finding.Rule.Critical || c.members[0].urgent })
}
