// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A mixture is metrics of all kinds that are not ours, with all that OTLP has room for, and
// ours among them, if there are to be any.
type mixture struct {
	pmetric.Metrics
	ours bool
	sum  int64 // bytes of our flows
}

// mix puts ours in resources of their own, in scopes of their own, and between others in one scope.
func mix(ours bool) *mixture {
	m := &mixture{Metrics: pmetric.NewMetrics(), ours: ours}
	m.scope(m.resource("without ours"), "theirs", false)
	if ours {
		m.flow(m.resource("ours").ScopeMetrics().AppendEmpty().Metrics())
	}
	beside := m.resource("scopes beside each other")
	if ours {
		m.flow(beside.ScopeMetrics().AppendEmpty().Metrics())
	}
	m.scope(beside, "theirs", false)
	beside.ScopeMetrics().AppendEmpty().Scope().SetName("has nothing")
	m.scope(m.resource("one scope"), "of both", ours)
	m.resource("has no scope")
	return m
}

func (m *mixture) resource(name string) pmetric.ResourceMetrics {
	rm := m.ResourceMetrics().AppendEmpty()
	rm.SetSchemaUrl("https://opentelemetry.io/schemas/1.99.0")
	rm.Resource().SetDroppedAttributesCount(7)
	rm.Resource().Attributes().PutStr(names.ProcessExecutableName, "nginx") // whom the file names
	unheardOf(rm.Resource().Attributes(), name)
	return rm
}

// unheardOf writes attributes of all kinds, and two that name ends.
func unheardOf(to pcommon.Map, name string) {
	to.PutStr("name", name)
	to.PutStr(names.SourceAddress, "10.0.1.1")
	to.PutStr(names.DestinationAddress, "10.0.2.1")
	to.PutEmpty("nothing")
	to.PutStr("", "has no name")
	to.PutBool("yes", true)
	to.PutInt("number", math.MinInt64)
	to.PutDouble("fraction", math.NaN())
	to.PutEmptyBytes("bytes").FromRaw([]byte{0, 255})
	deep := to.PutEmptyMap("map").PutEmptySlice("slice")
	deep.AppendEmpty().SetStr("no \xff UTF-8")
	deep.AppendEmpty()
}

// flow writes both ways of one that no other has.
func (m *mixture) flow(to pmetric.MetricSlice) {
	sum := to.AppendEmpty()
	sum.SetName(names.FlowIO.Name)
	sum.SetEmptySum().SetIsMonotonic(true)
	sum.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	for _, direction := range []string{names.Transmit, names.Receive} {
		p := sum.Sum().DataPoints().AppendEmpty()
		p.Attributes().PutStr(names.DestinationAddress, "10.0.2.1")
		p.Attributes().PutStr(names.IODirection, direction)
		p.Attributes().PutInt(names.DestinationPort, 5000+m.sum)
		stampForeign(p)
		p.SetIntValue(1254)
		m.sum += p.IntValue()
	}
}

// scope writes metrics of all kinds, by names of theirs and of ours, and a flow after each.
func (m *mixture) scope(rm pmetric.ResourceMetrics, name string, ours bool) {
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.SetSchemaUrl("https://example.org/schemas/0.1")
	sm.Scope().SetName(name)
	sm.Scope().SetVersion("1.2.3")
	sm.Scope().SetDroppedAttributesCount(3)
	unheardOf(sm.Scope().Attributes(), name)
	for _, kind := range kinds {
		for _, named := range []string{"http.server.request.duration", names.FlowIO.Name, names.FlowRTT.Name, ""} {
			if named != "" && named == kind.ours {
				continue
			}
			metric := sm.Metrics().AppendEmpty()
			metric.SetName(named)
			metric.SetDescription("how fast")
			metric.SetUnit("{furlong}/{fortnight}")
			unheardOf(metric.Metadata(), named)
			kind.fill(metric)
			if ours {
				m.flow(sm.Metrics())
			}
		}
	}
}
