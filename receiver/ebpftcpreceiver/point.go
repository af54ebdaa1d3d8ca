// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A series is a flow with the attributes that all its data points have.
type series struct {
	*flow.Flow
	attributes pcommon.Map
}

// A split is the attribute that tells the data points of one flow and metric
// apart. It has no key where there is one data point.
type split struct {
	key, value string
	truth      truth
	reason     string // of a reset, beside it
}

// A truth is an attribute's value that is a boolean.
type truth uint8

const (
	noTruth truth = iota
	unset
	set
)

var ended = pmetric.DefaultDataPointFlags.WithNoRecordedValue(true)

// describe writes the attributes of a data point.
func (s series) describe(attributes pcommon.Map, by split) {
	if by.key == "" {
		s.attributes.CopyTo(attributes)
		return
	}
	// The copy keeps this capacity, so that the slice is allocated once.
	attributes.EnsureCapacity(s.attributes.Len() + 1)
	s.attributes.CopyTo(attributes)
	putKnown(attributes, names.ResetReason, by.reason)
	if by.truth != noTruth {
		attributes.PutBool(by.key, by.truth == set)
		return
	}
	attributes.PutStr(by.key, by.value)
}

func (s series) start() pcommon.Timestamp { return pcommon.Timestamp(s.Start) }

// end is the end of the interval. A clock that was set back must not put it
// before the start.
func (w *writer) end(s series) pcommon.Timestamp { return max(w.time, s.start()) }

func (w *writer) sum(points pmetric.NumberDataPointSlice, s series, by split, value uint64) {
	w.gauge(points, s, by, value)
	points.At(points.Len() - 1).SetStartTimestamp(s.start())
}

// sumFraction is a sum of a quantity that has fractions, such as seconds.
func (w *writer) sumFraction(points pmetric.NumberDataPointSlice, s series, by split, value float64) {
	w.gaugeFraction(points, s, by, value)
	points.At(points.Len() - 1).SetStartTimestamp(s.start())
}

func (w *writer) gauge(points pmetric.NumberDataPointSlice, s series, by split, value uint64) {
	if p := w.point(points, s, by); !s.Ended() {
		p.SetIntValue(int64(value))
	}
}

func (w *writer) gaugeFraction(points pmetric.NumberDataPointSlice, s series, by split, value float64) {
	if p := w.point(points, s, by); !s.Ended() {
		p.SetDoubleValue(value)
	}
}

// point appends one without a value.
func (w *writer) point(points pmetric.NumberDataPointSlice, s series, by split) pmetric.NumberDataPoint {
	p := points.AppendEmpty()
	s.describe(p.Attributes(), by)
	p.SetTimestamp(w.end(s))
	if s.Ended() {
		p.SetFlags(ended)
	}
	return p
}

func (w *writer) exponentialHistogram(p pmetric.ExponentialHistogramDataPoint, s series, h *flow.Histogram, kind *histogramKind) {
	s.describe(p.Attributes(), split{})
	p.SetStartTimestamp(s.start())
	p.SetTimestamp(w.end(s))
	if s.Ended() {
		p.SetFlags(ended)
		return
	}
	first, counts := h.AppendCounts(w.scratch[:0])
	w.scratch = counts
	p.SetScale(kind.layout.Scale)
	p.SetZeroCount(h.Zero())
	p.SetCount(h.Zero() + sum(counts))
	p.SetSum(kind.layout.Value(h.Sum()))
	if len(counts) > 0 {
		p.Positive().SetOffset(kind.layout.First + int32(first))
		p.Positive().BucketCounts().FromRaw(counts)
	}
}

func (w *writer) explicitHistogram(p pmetric.HistogramDataPoint, s series, h *flow.Histogram, kind *histogramKind) {
	s.describe(p.Attributes(), split{})
	p.SetStartTimestamp(s.start())
	p.SetTimestamp(w.end(s))
	if s.Ended() {
		p.SetFlags(ended)
		kind.writeNothing(p)
		return
	}
	first, counts := h.AppendCounts(w.scratch[:0])
	w.scratch = counts
	w.buckets = kind.explicit.AppendCounts(w.buckets[:0], h.Zero(), first, counts)
	p.SetCount(sum(w.buckets))
	p.SetSum(kind.layout.Value(h.Sum()))
	p.BucketCounts().FromRaw(w.buckets)
	p.ExplicitBounds().FromRaw(kind.bounds)
}

func sum(counts []uint64) (total uint64) {
	for _, count := range counts {
		total += count
	}
	return total
}
