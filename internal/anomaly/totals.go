// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

const (
	// maxTotals is how many kinds of anomalies and problems, with their ends, are told of.
	maxTotals = 1000
	// restless is for how long one of anomalies that comes no more keeps its place from a new one. Whoever
	// asks for what it grew by in an hour has it by then.
	restless = time.Hour
)

// totals are the metrics for backends that take no events.
type totals struct {
	start     time.Time                // of sums that begin: after all that were forgotten
	instance  string                   // service.instance.id
	anomalies map[string]*verdictCount // by type and ends
	active    active                   // problems
	overflow  uint64                   // events that found no room
}

type verdictCount struct {
	attributes pcommon.Map
	n          int64
	start      time.Time
	last       time.Time // that it grew
}

func newTotals(start time.Time) *totals {
	return &totals{start: start, instance: uuid.NewString(), anomalies: make(map[string]*verdictCount), active: newActive()}
}

// add counts an event.
func (t *totals) add(event *engine.Event) {
	switch {
	case event.Problem != nil:
		if !t.active.add(event.Problem) {
			t.overflow++
		}
	case event.Anomaly.Verdict.Step == detect.Opened:
		t.addAnomaly(event.Anomaly, event.At)
	}
}

func (t *totals) addAnomaly(a *engine.Anomaly, at time.Time) {
	attributes := pcommon.NewMap()
	if label, ok := a.Label.(pcommon.Map); ok {
		label.CopyTo(attributes)
	}
	attributes.PutStr(names.AnomalyType, a.Type)
	key := a.Type
	for _, name := range []string{
		names.Source.WorkloadName, names.Source.K8sNamespaceName, names.Source.K8sClusterName,
		names.Destination.WorkloadName, names.Destination.K8sNamespaceName, names.Destination.K8sClusterName, names.DestinationAddress, names.HandshakeRole,
	} {
		key += "\x00" + text(attributes, name)
	}
	if t.anomalies[key] == nil {
		if len(t.anomalies) >= maxTotals && !t.forget(at) {
			t.overflow++
			return
		}
		t.anomalies[key] = &verdictCount{attributes: attributes, start: t.start}
	}
	t.anomalies[key].n++
	t.anomalies[key].last = at
}

// forget makes room for an anomaly by forgetting the one that has not come for longest, unless it is too early
// for that. It begins anew if it comes again.
func (t *totals) forget(now time.Time) bool {
	oldest := ""
	for key, n := range t.anomalies {
		if oldest == "" || n.last.Before(t.anomalies[oldest].last) {
			oldest = key
		}
	}
	if now.Sub(t.anomalies[oldest].last) < restless {
		return false
	}
	delete(t.anomalies, oldest)
	if now.After(t.start) {
		t.start = now
	}
	return true
}

func putEnd(attributes pcommon.Map, side *names.End, name localize.Name) {
	putKnown(attributes, side.WorkloadName, name.Name)
	putKnown(attributes, side.WorkloadKind, name.Kind)
	putKnown(attributes, side.K8sNamespaceName, name.Namespace)
	putKnown(attributes, side.K8sClusterName, name.Cluster)
}

// A telling writes one number as a data point.
type telling func(*verdictCount, pmetric.NumberDataPointSlice, time.Time) pmetric.NumberDataPoint

// write tells all totals, or that they end.
func (t *totals) write(scope, version string, now time.Time, tell telling) pmetric.Metrics {
	md := pmetric.NewMetrics()
	if len(t.anomalies)+len(t.active.ends) == 0 {
		return md
	}
	rm := md.ResourceMetrics().AppendEmpty()
	rm.SetSchemaUrl(names.SchemaURL)
	rm.Resource().Attributes().PutStr(names.ServiceName, product)
	rm.Resource().Attributes().PutStr(names.ServiceInstanceID, t.instance)
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.SetSchemaUrl(names.SchemaURL)
	sm.Scope().SetName(scope)
	sm.Scope().SetVersion(version)
	if len(t.anomalies) > 0 {
		sum := describe(sm, &names.FlowAnomalyCount).SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		for _, n := range t.anomalies {
			p, start := tell(n, sum.DataPoints(), now), pcommon.NewTimestampFromTime(n.start)
			p.SetStartTimestamp(start)
			p.SetTimestamp(max(p.Timestamp(), start)) // the clock may have been set back
		}
	}
	if len(t.active.ends) > 0 {
		t.active.write(describe(sm, &names.FlowProblemActive).SetEmptyGauge().DataPoints(), now, tell)
	}
	return md
}

func describe(sm pmetric.ScopeMetrics, m *names.Metric) pmetric.Metric {
	to := sm.Metrics().AppendEmpty()
	to.SetName(m.Name)
	to.SetUnit(m.Unit)
	to.SetDescription(m.Description)
	return to
}

func (n *verdictCount) write(points pmetric.NumberDataPointSlice, now time.Time) pmetric.NumberDataPoint {
	p := n.end(points, now)
	p.SetFlags(pmetric.DefaultDataPointFlags)
	p.SetIntValue(n.n)
	return p
}

// end writes that there is no number any more.
func (n *verdictCount) end(points pmetric.NumberDataPointSlice, now time.Time) pmetric.NumberDataPoint {
	p := points.AppendEmpty()
	n.attributes.CopyTo(p.Attributes())
	p.SetTimestamp(pcommon.NewTimestampFromTime(now))
	p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	return p
}
