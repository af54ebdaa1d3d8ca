// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

const (
	// minHealthy is how many data segments, round trips or connects show that an edge is well.
	minHealthy = 20
	// minPodEvidence is how much speaks for a pair of pods to be bad, or against it, nats.
	minPodEvidence = 2
	// podDispersion is how many episodes come at once.
	podDispersion = 1.5
)

// cover finds the places on the path that explain the causes of a class. Where a pair of
// workloads has several pods, their pairs are the edges.
func (e *Engine) cover(class string, causes []*cause) []*fault {
	if len(causes) == 0 {
		return nil
	}
	var bad []localize.Edge
	var of []int // index of the cause
	healthy := e.healthy(class)
	for i, c := range causes {
		edge := e.edge(c)
		pods, well := c.pods(edge)
		if len(pods) == 0 { // what else the two say to each other is no evidence against it
			pods = append(pods, edge)
			healthy = slices.DeleteFunc(healthy, func(o localize.Edge) bool {
				return o.From.Workload == edge.From.Workload && o.To.Workload == edge.To.Workload
			})
		}
		for _, p := range pods {
			bad, of = append(bad, p), append(of, i)
		}
		healthy = append(healthy, well...)
	}
	limit := e.detectors.threshold
	roots := localize.Cover(bad, healthy, limit)
	faults := make([]*fault, len(roots))
	for i, root := range roots {
		faults[i] = newFault(root, causes, bad, of)
	}
	return faults
}

// pods are the pairs of pods that lose segments, and those that do not, by the likelihood
// of the pair's rise against its baseline. Of other trouble nothing is known by pod.
func (c *cause) pods(edge localize.Edge) (bad, well []localize.Edge) {
	loss := c.view.risen[kindLoss]
	if loss == nil || c.finding.Rule != rulesOf[kindLoss] || len(c.view.tracks) < 2 {
		return nil, nil
	}
	p0 := min(max(loss.verdict.Baseline, 5e-5), .5)
	p1 := min(max(loss.verdict.Value, 3*p0), .9)
	for _, t := range c.view.tracks {
		r, n := t.episodes, math.Max(t.segments, t.episodes)
		evidence := (r*math.Log(p1/p0) + (n-r)*math.Log((1-p1)/(1-p0))) / podDispersion
		edge.From, edge.To = t.from, t.to
		switch {
		case evidence >= minPodEvidence:
			edge.Evidence = evidence
			bad = append(bad, edge)
		case evidence <= -minPodEvidence:
			well = append(well, edge)
		}
	}
	return bad, well
}

// healthy are the edges that are well, as far as trouble of a class goes.
func (e *Engine) healthy(class string) []localize.Edge {
	var edges []localize.Edge
	for _, v := range e.views {
		if v.key.role == Listener || !e.well(class, v) {
			continue
		}
		for _, t := range v.tracks {
			if t.last == e.window {
				edges = append(edges, localize.Edge{From: t.from, To: t.to})
			}
		}
	}
	return edges
}

// well tells whether a view has enough to show that it is.
func (e *Engine) well(class string, v *view) bool {
	switch class {
	case diagnose.ClassLoss:
		return v.report.DataSegments >= minHealthy && !e.detectors.suspicious(kindLoss, v)
	case diagnose.ClassDelay:
		return v.rtt.Total() >= minHealthy && !e.detectors.suspicious(kindRTT, v) && !e.detectors.suspicious(kindJitter, v)
	case diagnose.ClassConnect:
		return v.report.Opened > 0 && !e.detectors.suspicious(kindSYN, v) && len(v.matched) == 0
	}
	return !v.troubled()
}
