// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// A fault is a root, with the causes that it explains, and what else it is the reason of.
type fault struct {
	root   localize.Root
	causes []*cause
	edges  []localize.Edge // bad ones
	extra  []*anomaly
}

// classes in the order in which faults are looked for: what comes first may explain what
// comes later, in other views too.
var classes = [...]string{
	diagnose.ClassConnect, diagnose.ClassWrite, diagnose.ClassWindow, diagnose.ClassLoss, diagnose.ClassReset,
	diagnose.ClassDelay,
}

// faults finds the roots of all causes.
func (e *Engine) faults(causes []*cause) []*fault {
	var faults []*fault
	for _, class := range classes {
		var own, path []*cause
		for _, c := range causes {
			switch {
			case c.finding.Rule.Class != class || e.absorb(faults, c):
			case c.finding.Side == diagnose.SidePath:
				path = append(path, c)
			default:
				own = append(own, c)
			}
		}
		faults = append(faults, e.own(own)...)
		faults = append(faults, e.cover(class, path)...)
	}
	return faults
}

// absorb gives a cause to a fault that was found before and explains it.
func (e *Engine) absorb(faults []*fault, c *cause) bool {
	for _, f := range faults {
		if explains(f.causes[0].finding.Rule, c.finding.Rule) && f.reaches(c.view, e.bad(c)) {
			f.extra = append(f.extra, c.members...)
			return true
		}
	}
	return false
}

// bad are the edges of a cause: those of its pairs of pods that are bad, all of them if they
// cannot be told apart.
func (e *Engine) bad(c *cause) []localize.Edge {
	bad, _ := c.pods(e.edge(c))
	if len(bad) == 0 {
		for _, t := range c.view.tracks {
			bad = append(bad, localize.Edge{From: t.from, To: t.to})
		}
	}
	return bad
}

// reaches tells whether a view's connections, or half of those that are bad, go through the place
// of a fault. What one end makes by itself is felt by the same two workloads only.
func (f *fault) reaches(v *view, bad []localize.Edge) bool {
	if slices.ContainsFunc(f.causes, func(c *cause) bool { return c.view == v || c.view == v.other || c.view.sameEnds(v) }) {
		return true
	}
	if f.causes[0].finding.Side != diagnose.SidePath {
		return false
	}
	through := 0
	for i := range bad {
		if passes(&bad[i], &f.root.Place) {
			through++
		}
	}
	return through > 0 && 2*through >= len(bad)
}

// passes tells whether an edge goes through a place.
func passes(edge *localize.Edge, p *localize.Place) bool {
	from, to := &edge.From, &edge.To
	switch p.Kind {
	case localize.KindPod:
		return from.Pod == p.A || to.Pod == p.A
	case localize.KindWorkload:
		return from.Workload == p.A || to.Workload == p.A
	case localize.KindNode:
		return from.InNode() == p.A || to.InNode() == p.A
	case localize.KindNodePair:
		return from.InNode() == p.A && to.InNode() == p.B || from.InNode() == p.B && to.InNode() == p.A
	case localize.KindZonePair:
		return from.InZone() == p.A && to.InZone() == p.B || from.InZone() == p.B && to.InZone() == p.A
	}
	return false
}

// sameEnds tells whether two views are of the same two workloads.
func (v *view) sameEnds(o *view) bool {
	return v.key.observer == o.key.peer && v.key.peer == o.key.observer ||
		v.key.observer == o.key.observer && v.key.peer == o.key.peer
}

var sides = map[diagnose.Side]localize.Side{
	diagnose.SidePath: localize.SidePath, diagnose.SideSender: localize.SideSender,
	diagnose.SideReceiver: localize.SideReceiver, diagnose.SideListener: localize.SideListener,
}

// edge is what a cause is bad of. Evidence of a rule that counts what should never happen
// is as much as anything may have.
func (e *Engine) edge(c *cause) localize.Edge {
	from, to := c.view.ends()
	if c.view.key.role == Listener { // its clients are in no report of its own
		from, to = to, from
	}
	weight := c.finding.Weight
	if weight == 0 {
		weight = e.detectors.threshold
	}
	return localize.Edge{From: from, To: to, Evidence: weight, Side: sides[c.finding.Side], Alike: c.finding.Rule.Alike}
}

// own finds the ends that make their trouble by themselves, each kind of trouble apart.
func (e *Engine) own(causes []*cause) []*fault {
	var faults []*fault
	for len(causes) > 0 {
		rule := causes[0].finding.Rule
		var same, rest []*cause
		var bad []localize.Edge
		var of []int // index of the cause
		healthy := e.healthy(rule.Class, nil)
		for _, c := range causes {
			if c.finding.Rule != rule {
				rest = append(rest, c)
				continue
			}
			edges, well := e.listeners(c)
			if len(edges) == 0 {
				edges, well = c.pods(e.edge(c))
			}
			if len(edges) == 0 {
				edges = append(edges, e.edge(c))
			}
			for _, edge := range edges {
				bad, of = append(bad, e.last(c, edge)), append(of, len(same))
			}
			same, healthy = append(same, c), append(healthy, well...)
		}
		lead(bad)
		for _, root := range localize.Own(bad, healthy) {
			faults = append(faults, newFault(root, same, bad, of))
		}
		causes = rest
	}
	return faults
}

// last follows full windows to the last reader that is slow.
func (e *Engine) last(c *cause, edge localize.Edge) localize.Edge {
	if c.finding.Rule.Type != "tcp_zero_window" {
		return edge
	}
	var limited []localize.Limited
	for _, v := range e.tracks.views {
		if share := v.windowLimited(); share >= chainShare {
			limited = append(limited, localize.Limited{From: v.key.observer, To: v.key.peer, Share: share})
		}
	}
	chain := localize.Readers(edge.To.Workload, limited)
	if reader := chain[len(chain)-1]; reader != edge.To.Workload {
		edge.To = localize.End{Workload: reader}
	}
	return edge
}

// lead leads chains to the pod that is slow, where who waits for it itself knows which one: the same
// reader would be one fault of a pod and another one of its workload.
func lead(bad []localize.Edge) {
	for i := range bad {
		to := &bad[i].To
		if *to != (localize.End{Workload: to.Workload}) {
			continue
		}
		if at := slices.IndexFunc(bad, func(e localize.Edge) bool {
			return e.To.Workload == to.Workload && e.To.Pod != (localize.Name{})
		}); at >= 0 {
			*to = bad[at].To
		}
	}
}

// chainShare is the share of wall time from which on somebody waits for a reader.
const chainShare = .2

// windowLimited is the share of the last window's time that waited for the peer's window.
func (v *view) windowLimited() float64 {
	if len(v.history) == 0 {
		return 0
	}
	time, all := &v.history[len(v.history)-1].Time, 0.
	for _, t := range time {
		all += t
	}
	return time[diagnose.ReceiveWindowLimited] / math.Max(all, 1e-9)
}

func newFault(root localize.Root, causes []*cause, bad []localize.Edge, of []int) *fault {
	f := &fault{root: root}
	for _, i := range root.Edges {
		f.edges = append(f.edges, bad[i])
		if of[i] == noCause {
			continue
		}
		if c := causes[of[i]]; !slices.Contains(f.causes, c) {
			f.causes = append(f.causes, c)
		}
	}
	return f
}

// listeners are the pods that a client's full accept queue is of, and those of which it is not: the
// client does not know, their listeners do.
func (e *Engine) listeners(c *cause) (bad, well []localize.Edge) {
	v := e.tracks.views[viewKey{c.view.key.peer, localize.Name{}, Listener}]
	if c.finding.Side != diagnose.SideListener || c.view.key.role != Client || v == nil {
		return nil, nil
	}
	judge := troubled(v, troubleOverflow)
	if judge == nil {
		return nil, nil
	}
	for _, t := range v.tracks {
		edge := e.edge(c)
		edge.To = t.from
		if judge(t, 1) > 0 {
			bad = append(bad, edge)
		} else {
			well = append(well, edge)
		}
	}
	return bad, well
}
