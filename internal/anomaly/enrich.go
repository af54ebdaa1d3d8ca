// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// enrich names both ends of the flows of one resource, all of whose metrics are ours.
func enrich(directory identity.Directory, rm pmetric.ResourceMetrics) {
	resource := rm.Resource().Attributes()
	var l *local
	owner := unanimous{}
	eachPoint(rm, func(metric *names.Metric, attributes pcommon.Map, at pcommon.Timestamp) {
		if l == nil {
			l = newLocal(directory, resource, uint64(at))
		}
		if !metric.PerHost {
			owner.hear(nameEnds(directory, l, attributes, uint64(at)))
		}
	})
	if l == nil {
		return
	}
	l.fill(owner.id, resource)
	l.fill(l.id, resource)
}

// nameEnds names the ends of one data point. It returns who was found by the local
// address, if anybody.
func nameEnds(directory identity.Directory, l *local, attributes pcommon.Map, at uint64) *identity.Identity {
	p := readPeer(attributes)
	source, id := l.at(directory, p.source, at)
	p.describe(attributes, source, p.find(directory, at))
	return id
}

// describe writes what is known of both ends. A peer that has a name, and of whom nobody says in which
// cluster it is, is in the source's: who has named it has looked there.
func (p *peer) describe(attributes pcommon.Map, source *end, found finding) {
	attributes.EnsureCapacity(attributes.Len() + 24)
	source.describe(attributes, &names.Source)
	destination := end{kind: p.kind, node: p.node, cluster: p.cluster}
	switch here := text(attributes, names.Source.K8sClusterName); {
	case p.named() && !p.unveiled(found):
		destination.join(here)
		putMissing(attributes, names.Destination.K8sClusterName, destination.cluster)
	case found.nobody():
		return
	default:
		if p.named() {
			unname(attributes)
		}
		destination = found.end()
		if named(destination.kind) {
			destination.join(here)
		}
		destination.describe(attributes, &names.Destination)
	}
	if same, known := p.sameHost(source, &destination); known {
		if there, ok := attributes.GetOrPutEmpty(names.SameHost); !ok {
			there.SetBool(same)
		}
	}
}

// unanimous is what all say who say anything.
type unanimous struct {
	id       *identity.Identity
	disagree bool
}

func (u *unanimous) hear(id *identity.Identity) {
	switch {
	case id == nil || u.disagree || id == u.id:
	case u.id == nil:
		u.id = id
	default:
		u.id, u.disagree = nil, true
	}
}

// eachPoint calls f for each data point of a resource.
func eachPoint(rm pmetric.ResourceMetrics, f func(*names.Metric, pcommon.Map, pcommon.Timestamp)) {
	for _, sm := range rm.ScopeMetrics().All() {
		for _, m := range sm.Metrics().All() {
			metric := ours(m)
			switch m.Type() {
			case pmetric.MetricTypeGauge:
				each(m.Gauge().DataPoints(), metric, f)
			case pmetric.MetricTypeSum:
				each(m.Sum().DataPoints(), metric, f)
			case pmetric.MetricTypeHistogram:
				each(m.Histogram().DataPoints(), metric, f)
			case pmetric.MetricTypeExponentialHistogram:
				each(m.ExponentialHistogram().DataPoints(), metric, f)
			}
		}
	}
}

// A slice is one of data points.
type slice[P dataPoint] interface {
	Len() int
	At(int) P
}

type dataPoint interface {
	Attributes() pcommon.Map
	Timestamp() pcommon.Timestamp
}

func each[P dataPoint](points slice[P], metric *names.Metric, f func(*names.Metric, pcommon.Map, pcommon.Timestamp)) {
	for i := range points.Len() {
		f(metric, points.At(i).Attributes(), points.At(i).Timestamp())
	}
}
