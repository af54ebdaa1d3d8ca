// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// completeness says how complete the export is.
type completeness struct {
	start flow.Instant // of the observation
	// coverage is that of the interval; unknown if its sweep ended early.
	coverage float64
	known    bool
	lost     [flow.NumLostReasons]uint64 // since start
	resets   []flow.ResetReason          // of no connection, since start
}

// add adds an interval.
func (c *completeness) add(report flow.Report, complete bool) {
	c.coverage, c.known = report.Coverage(), complete
	for reason, count := range report.Lost {
		c.lost[reason] += count
	}
	c.resets = flow.AddResetReasons(c.resets, report.StrayResets)
}

// writeHost writes what is said of the host alone.
func (w *writer) writeHost(md pmetric.Metrics, c completeness) {
	coverage := w.coverage && c.known
	resets := w.resetsOfHost && len(c.resets) > 0
	if !coverage && !w.lost && !resets {
		return
	}
	resource, metrics := w.scope(md)
	w.host.describe(resource.Attributes())
	if coverage {
		w.writeCoverage(metrics.AppendEmpty(), c)
	}
	if w.lost {
		w.writeLost(metrics.AppendEmpty(), c)
	}
	if resets {
		w.writeResets(metrics.AppendEmpty(), c)
	}
}

func (w *writer) writeCoverage(m pmetric.Metric, c completeness) {
	name(m, names.FlowCoverage)
	p := numbers(m, names.FlowCoverage.Kind).AppendEmpty()
	p.SetTimestamp(w.time)
	p.SetDoubleValue(c.coverage)
}

func (w *writer) writeLost(m pmetric.Metric, c completeness) {
	name(m, names.FlowLost)
	points := numbers(m, names.FlowLost.Kind)
	for reason, count := range c.lost {
		w.hostSum(points, c, count).PutStr(names.LostReason, lostReasons[reason])
	}
}

// writeResets writes RSTs that belong to no connection.
func (w *writer) writeResets(m pmetric.Metric, c completeness) {
	name(m, names.Resets)
	points := numbers(m, names.Resets.Kind)
	for _, r := range c.resets {
		attributes := w.hostSum(points, c, r.Count)
		attributes.PutStr(names.NetworkTransport, names.TCP)
		attributes.PutStr(names.IODirection, names.Transmit)
		putKnown(attributes, names.ResetReason, r.Name)
	}
}

// hostSum appends a sum since the observation began, and returns its attributes.
func (w *writer) hostSum(points pmetric.NumberDataPointSlice, c completeness, count uint64) pcommon.Map {
	p := points.AppendEmpty()
	start := pcommon.Timestamp(c.start.Wall)
	p.SetStartTimestamp(start)
	p.SetTimestamp(max(w.time, start))
	p.SetIntValue(int64(count))
	return p.Attributes()
}
