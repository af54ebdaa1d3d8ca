// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"math"
	"math/big"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A tally is what a processor has told, as a backend would keep it.
type tally struct {
	delta  bool
	lives  map[life]*truth
	latest map[string]life              // by series
	times  map[string]pcommon.Timestamp // of the last point
	queues map[sumKey]int64             // as last told
}

// A life is a series from a start on.
type life struct {
	series string
	key    sumKey
	start  pcommon.Timestamp
}

func newTally(delta bool) *tally {
	return &tally{
		delta: delta, lives: make(map[life]*truth), latest: make(map[string]life), times: make(map[string]pcommon.Timestamp),
	}
}

// sums returns what was told.
func (got *tally) sums() map[sumKey]*truth {
	sums := make(map[sumKey]*truth)
	for l, told := range got.lives {
		sumOf(sums, l.key).plus(told, 1)
	}
	return sums
}

// hear reads what leaves.
func (got *tally) hear(md pmetric.Metrics) {
	got.queues = make(map[sumKey]int64)
	for _, rm := range md.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			switch m.Type() {
			case pmetric.MetricTypeGauge:
				for _, p := range m.Gauge().DataPoints().All() {
					got.show(p)
				}
			case pmetric.MetricTypeSum:
				for _, p := range m.Sum().DataPoints().All() {
					got.put(m, p, numberTold(m.Name(), p))
				}
			case pmetric.MetricTypeHistogram:
				for _, p := range m.Histogram().DataPoints().All() {
					got.put(m, p, explicitTold(p))
				}
			case pmetric.MetricTypeExponentialHistogram:
				for _, p := range m.ExponentialHistogram().DataPoints().All() {
					got.put(m, p, exponentialTold(p))
				}
			}
		}
	}
}

// show keeps the value of a gauge.
func (got *tally) show(p pmetric.NumberDataPoint) {
	if !p.Flags().NoRecordedValue() {
		got.queues[keyOf(p.Attributes())] += p.IntValue()
	}
}

// A heard is any data point.
type heard interface {
	Attributes() pcommon.Map
	StartTimestamp() pcommon.Timestamp
	Timestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}

// put replaces a cumulative value, and adds a delta. A series that begins anew does so
// when the one before it has ended.
func (got *tally) put(m pmetric.Metric, p heard, told *truth) {
	key := keyOf(p.Attributes())
	series := fmt.Sprint(key, m.Name(), m.Type(), text(p.Attributes(), names.IODirection))
	l := life{series: series, key: key, start: p.StartTimestamp()}
	if !got.delta && l != got.latest[series] && l.start < got.times[series] {
		panic(fmt.Sprintf("%s starts at %v, the one before it was there at %v", series, l.start, got.times[series]))
	}
	if l.start > p.Timestamp() || got.delta && l.start == p.Timestamp() && !p.Flags().NoRecordedValue() {
		panic(fmt.Sprintf("%s is told of %v to %v", series, l.start, p.Timestamp()))
	}
	got.latest[series], got.times[series] = l, p.Timestamp()
	if p.Flags().NoRecordedValue() {
		return
	}
	if got.delta && got.lives[l] != nil {
		got.lives[l].plus(told, 1)
		return
	}
	got.lives[l] = told
}

// keyOf reads what is left of a flow.
func keyOf(attributes pcommon.Map) sumKey {
	port := ""
	if value, ok := attributes.Get(names.SourcePort); ok {
		port = value.AsString()
	}
	return sumKey{
		port:   port,
		client: text(attributes, names.Source.WorkloadName), clientKind: text(attributes, names.Source.WorkloadKind),
		clientPod: text(attributes, names.Source.K8sPodName), address: text(attributes, names.DestinationAddress),
		workload: text(attributes, names.Destination.WorkloadName), pod: text(attributes, names.Destination.K8sPodName),
	}
}

func numberTold(name string, p pmetric.NumberDataPoint) *truth {
	told := newTruth()
	switch {
	case name == names.FlowTime.Name:
		told.time = big.NewFloat(p.DoubleValue())
	case text(p.Attributes(), names.IODirection) == names.Receive:
		told.bytes[1] = p.IntValue()
	default:
		told.bytes[0] = p.IntValue()
	}
	return told
}

func explicitTold(p pmetric.HistogramDataPoint) *truth {
	told := newTruth()
	told.rttSum = big.NewFloat(p.Sum())
	for i, n := range p.BucketCounts().AsRaw() {
		if n == 0 {
			continue
		}
		_, exponent := math.Frexp(p.ExplicitBounds().At(i))
		told.counts[max(0, exponent-1-firstOctave+1)] += n
	}
	told.check(p.Count(), p.BucketCounts().AsRaw())
	return told
}

func exponentialTold(p pmetric.ExponentialHistogramDataPoint) *truth {
	told := newTruth()
	told.rttSum = big.NewFloat(p.Sum())
	told.counts[0] = p.ZeroCount()
	counts := p.Positive().BucketCounts().AsRaw()
	for i, n := range counts {
		if n > 0 {
			told.counts[octave(p.Positive().Offset()+int32(i)+1, p.Scale())] += n
		}
	}
	told.check(p.Count(), append(counts, p.ZeroCount()))
	return told
}

func (t *truth) check(count uint64, buckets []uint64) {
	if count != total(buckets) || count != total(t.counts[:]) {
		panic(fmt.Sprintf("count %d, buckets %v, octaves %v", count, buckets, t.counts))
	}
}
