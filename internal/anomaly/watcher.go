// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"hash/fnv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// A watcher tells a desk's engine what the points of a reducer's flows have grown by. The desk
// is locked by whoever adds the points.
type watcher struct{ *desk }

// watch tells of a point.
func (w *watcher) watch(f *flow, in *reduce.Input, p *reduce.Point, growth *reduce.Growth) {
	field := engine.Field(in.Tag)
	if field == engine.None || p.Ended || growth == nil && !field.Gauge() {
		return
	}
	if f.watched == nil {
		f.watched = w.engine.Flow(f.spec())
	}
	now, at := w.now, p.Time-uint64(w.pace.ahead)
	switch {
	case field.Gauge():
		if p.Shape == reduce.ShapeGauge {
			w.engine.Gauge(now, f.watched, at, field, p.Number.Value())
		}
	case !field.Histogram():
		w.engine.Sum(now, f.watched, at, field, growth.Number)
	case growth.Exponential != nil:
		h := growth.Exponential
		w.engine.Exponential(now, f.watched, at, field, int(h.Scale), int(h.Offset), h.Counts)
	case growth.Explicit != nil:
		w.engine.Explicit(now, f.watched, at, field, growth.Explicit.Bounds, growth.Explicit.Counts)
	}
}

// watchAll tells of all points of ours, and changes nothing.
func (r *reducer) watchAll(resources pmetric.ResourceMetricsSlice, now reduce.Instant) {
	r.now = now
	r.table.Advance(now)
	for _, rm := range resources.All() {
		var l *locality
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if ours(m) == nil {
					continue
				}
				if l == nil {
					l = r.locality(rm.Resource().Attributes(), m)
				}
				r.addMetric(l, r.metrics[m.Name()], m)
			}
		}
		if l != nil {
			r.dropUnused(l)
		}
	}
}

// sink is where points go of which nothing leaves.
func (r *reducer) sink() *reduce.Output {
	shape := r.point.Shape
	key := reduce.Key{0, uint64(shape)}
	if o := r.table.Output(key); o != nil {
		return o
	}
	return r.table.NewOutput(key, reduce.Design{Shape: shape, Bounds: reduce.NewBounds(nil)})
}

// spec says whose flow it is.
func (f *flow) spec() engine.Spec {
	attributes := pcommon.NewMap()
	f.attributes.CopyTo(attributes)
	f.peer.describe(attributes, &f.source, f.found)
	host := text(f.locality.resource, names.HostName)
	agent := fnv.New64a()
	agent.Write([]byte(text(attributes, names.Source.K8sClusterName) + "/" + host))
	s := engine.Spec{
		Agent: agent.Sum64(), Role: f.engineRole(),
		Source: endIn(attributes, &names.Source, host), Destination: endIn(attributes, &names.Destination, ""),
	}
	if s.Role == engine.Listener {
		s.Destination = localize.End{}
	}
	keep := selection{level: AggregateWorkload}
	attributes.RemoveIf(func(name string, _ pcommon.Value) bool {
		return !keep.keeps(name, f.role) && (name != names.DestinationAddress || text(attributes, names.Destination.WorkloadName) != "")
	})
	s.Label = attributes
	return s
}

func (f *flow) engineRole() engine.Role {
	switch {
	case !f.peered():
		return engine.Listener
	case f.role == names.Client:
		return engine.Client
	case f.role == names.Server:
		return engine.Server
	}
	return engine.Unknown
}

// peered tells whether a flow has another end. What another processor has added up to workloads
// has a name of it, and no address.
func (f *flow) peered() bool {
	for _, name := range [...]string{names.DestinationAddress, names.Destination.WorkloadName, names.Destination.Kind} {
		if _, ok := f.attributes.Get(name); ok {
			return true
		}
	}
	return false
}
