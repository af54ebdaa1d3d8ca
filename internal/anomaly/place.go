// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// A place is where the points of flows go that cannot be told apart any more.
type place struct {
	key        reduce.Key
	group      *group
	attributes pcommon.Map // of data points, without what splits a metric
	size       int         // of the attributes, on the wire
	flows      int
	overflow   bool // it is that of what there is no room for
}

// A group is a resource that leaves, with the outputs of each metric.
type group struct {
	key        reduce.Key
	attributes pcommon.Map
	size       int                // of the attributes, on the wire
	outputs    [][]*reduce.Output // by metric
	series     int
	places     int
}

// A series is what an output's owner knows of it.
type series struct {
	*place
	metric *metric
	split  pcommon.Map
}

// place returns where the points of a flow go by a selection.
func (r *reducer) place(f *flow, n int) *place {
	if f.places[n] == nil {
		f.places[n] = r.settle(f, n)
		f.places[n].flows++
	}
	return f.places[n]
}

// settle describes both ends of a flow and drops what does not survive.
func (r *reducer) settle(f *flow, n int) *place {
	attributes := pcommon.NewMap()
	f.attributes.CopyTo(attributes)
	s := &r.selections[n]
	if !s.perHost {
		f.peer.describe(attributes, &f.source, f.found)
	}
	attributes.RemoveIf(func(name string, _ pcommon.Value) bool { return !s.keeps(name, f.role) })
	resource := pcommon.NewMap()
	f.locality.resource.CopyTo(resource)
	f.locality.fill(f.byAddress, resource)
	f.locality.fill(f.locality.id, resource)
	level := r.resource
	level.level = s.level
	resource.RemoveIf(func(name string, _ pcommon.Value) bool {
		return !level.keeps(name, f.source.kind, f.source.workload)
	})
	return r.at(resource, attributes)
}

// at returns the place with these attributes.
func (r *reducer) at(resource, attributes pcommon.Map) *place {
	resource.PutStr(names.ServiceInstanceID, r.instance)
	groupKey := r.hash.all(resource)
	key := r.hash.join(groupKey, r.hash.all(attributes))
	if p := r.places[key]; p != nil {
		return p
	}
	g := r.groups[groupKey]
	if g == nil {
		g = &group{key: groupKey, attributes: resource, size: sizeOfAttributes(resource), outputs: make([][]*reduce.Output, len(r.metrics))}
		r.groups[groupKey] = g
	}
	g.places++
	p := &place{key: key, group: g, attributes: attributes, size: sizeOfAttributes(attributes)}
	r.places[key] = p
	return p
}

// overflow is the place of what there is no room for.
func (r *reducer) overflow(f *flow) *place {
	attributes := pcommon.NewMap()
	attributes.PutStr(names.NetworkTransport, names.TCP)
	attributes.PutBool(names.MetricOverflow, true)
	if f.role == names.Client || f.role == names.Server { // any other text would be one more series
		attributes.PutStr(names.HandshakeRole, f.role)
	}
	p := r.at(pcommon.NewMap(), attributes)
	p.overflow = true
	return p
}

// leave takes a flow from where its points went.
func (r *reducer) leave(f *flow) {
	for n, p := range f.places {
		if p == nil {
			continue
		}
		f.places[n] = nil
		if p.flows--; p.flows == 0 {
			delete(r.places, p.key)
			p.group.places--
			r.tidy(p.group)
		}
	}
}

// tidy forgets a resource that has nothing to tell any more.
func (r *reducer) tidy(g *group) {
	if g.places == 0 && g.series == 0 {
		delete(r.groups, g.key)
	}
}
