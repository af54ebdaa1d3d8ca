// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

const (
	// minHealthy is how many data segments, round trips or connects show that an edge is well.
	minHealthy = 20
	// noCause is the cause of edges that are bad although no detector has said so yet.
	noCause = -1
)

// cover finds the places on the path that explain the causes of a class. Where a pair of
// workloads has several pods, their pairs are the edges.
func (e *Engine) cover(class string, causes []*cause) []*fault {
	if len(causes) == 0 {
		return nil
	}
	var bad []localize.Edge
	var of []int // index of the cause
	healthy := e.healthy(class, causes)
	switch class {
	case diagnose.ClassLoss:
		var well []localize.Edge
		bad, well = e.suspected(causes)
		healthy = append(e.lossless(causes, healthy), well...)
	case diagnose.ClassDelay:
		if others, well, told := e.floors(causes); told {
			bad, healthy = others, well
		}
	}
	of = slices.Repeat([]int{noCause}, len(bad))
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
	var faults []*fault
	for _, root := range roots {
		if f := newFault(root, causes, bad, of); len(f.causes) > 0 {
			faults = append(faults, f)
		}
	}
	return faults
}

// healthy are the edges that are well, as far as trouble of a class goes, but for those of some causes:
// what the detectors of a class find well may be bad by another rule of it.
func (e *Engine) healthy(class string, causes []*cause) []localize.Edge {
	var edges []localize.Edge
	for _, v := range e.quiet(causes, func(v *view) bool { return e.well(class, v) }) {
		for _, t := range v.tracks {
			if t.heard(e.window) {
				edges = append(edges, localize.Edge{From: t.from, To: t.to})
			}
		}
	}
	return edges
}

// quiet are the views that are well, but for those of some causes.
func (e *Engine) quiet(causes []*cause, well func(*view) bool) (views []*view) {
	for _, v := range e.views {
		if v.key.role != Listener && well(v) && !slices.ContainsFunc(causes, func(c *cause) bool { return c.view == v }) {
			views = append(views, v)
		}
	}
	return views
}

// well tells whether a view has enough to show that it is.
func (e *Engine) well(class string, v *view) bool {
	switch class {
	case diagnose.ClassLoss:
		return v.report.DataSegments >= minHealthy && !e.detectors.suspicious(kindLoss, v)
	case diagnose.ClassDelay:
		return v.rtt.Total() >= minHealthy && v.risen[kindRTT] == nil && v.risen[kindJitter] == nil && !e.detectors.suspicious(kindRTT, v) && !e.detectors.suspicious(kindJitter, v)
	case diagnose.ClassConnect:
		return v.report.Opened > 0 && !e.detectors.suspicious(kindSYN, v) && len(v.matched) == 0
	}
	return !v.troubled()
}
