// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// readNumber reads the value of a data point.
func readNumber(p *reduce.Point, from pmetric.NumberDataPoint) {
	readTimes(p, from.StartTimestamp(), from.Timestamp(), from.Flags())
	switch from.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
		p.Number = reduce.Integer(from.IntValue())
	case pmetric.NumberDataPointValueTypeDouble:
		p.Number = reduce.Fraction(from.DoubleValue())
	default:
		p.Ended = true
	}
}

func readExplicit(p *reduce.Point, from pmetric.HistogramDataPoint) {
	readTimes(p, from.StartTimestamp(), from.Timestamp(), from.Flags())
	h := &p.Explicit
	h.Bounds, h.Counts = h.Bounds[:0], h.Counts[:0]
	bounds, counts := from.ExplicitBounds(), from.BucketCounts()
	for i := range bounds.Len() {
		h.Bounds = append(h.Bounds, bounds.At(i))
	}
	for i := range counts.Len() {
		h.Counts = append(h.Counts, counts.At(i))
	}
	if len(h.Counts) == 0 && len(h.Bounds) == 0 {
		h.Counts = append(h.Counts, from.Count())
	}
	h.Sum, h.HasSum = from.Sum(), from.HasSum()
}

// readExponential reports whether there are no negative values, which no metric of ours
// has.
func readExponential(p *reduce.Point, from pmetric.ExponentialHistogramDataPoint) bool {
	readTimes(p, from.StartTimestamp(), from.Timestamp(), from.Flags())
	h := &p.Exponential
	h.Counts = h.Counts[:0]
	counts := from.Positive().BucketCounts()
	for i := range counts.Len() {
		h.Counts = append(h.Counts, counts.At(i))
	}
	h.Scale, h.Offset = from.Scale(), from.Positive().Offset()
	h.Zero, h.Threshold = from.ZeroCount(), from.ZeroThreshold()
	h.Sum, h.HasSum = from.Sum(), from.HasSum()
	return from.Negative().BucketCounts().Len() == 0
}

func readTimes(p *reduce.Point, start, time pcommon.Timestamp, flags pmetric.DataPointFlags) {
	p.Start, p.Time = uint64(start), uint64(time)
	p.Ended = flags.NoRecordedValue()
}
