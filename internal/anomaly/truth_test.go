// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A truth is what a sum has to be.
type truth struct {
	bytes  [2]int64
	time   *big.Float
	count  uint64
	rttSum *big.Float
}

func newTruth() *truth {
	return &truth{time: new(big.Float).SetPrec(1000), rttSum: new(big.Float).SetPrec(1000)}
}

// truths returns the sums by client and peer.
func (w *world) truths() map[string]*truth {
	sums := make(map[string]*truth)
	for _, c := range w.flows {
		key := fmt.Sprint("client", c.client, " 10.0.0.", c.peer)
		if sums[key] == nil {
			sums[key] = newTruth()
		}
		t := sums[key]
		t.add(c, 1)
		if c.first != nil && !w.delta {
			t.add(c.first, -1)
		} else if c.start <= 0 && !w.delta {
			t.add(c, -1) // never heard of
		}
	}
	return sums
}

func (t *truth) add(c *counter, sign int64) {
	t.bytes[0] += sign * c.bytes[0]
	t.bytes[1] += sign * c.bytes[1]
	t.time.Add(t.time, big.NewFloat(float64(sign)*c.time))
	t.rttSum.Add(t.rttSum, big.NewFloat(float64(sign)*c.rttSum))
	t.count += uint64(sign) * (c.zero + total(c.rtt[:]))
}

// A tally is what an output has told.
type tally map[string]*truth

// hear reads what leaves, by client and peer. Deltas are added to what was heard before.
func (got tally) hear(md pmetric.Metrics, delta bool) {
	if !delta {
		clear(got)
	}
	for _, rm := range md.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			switch m.Name() {
			case names.FlowIO.Name:
				for _, p := range m.Sum().DataPoints().All() {
					direction := 0
					if text(p.Attributes(), names.IODirection) == names.Receive {
						direction = 1
					}
					got.at(p.Attributes()).bytes[direction] += p.IntValue()
				}
			case names.FlowTime.Name:
				for _, p := range m.Sum().DataPoints().All() {
					t := got.at(p.Attributes()).time
					t.Add(t, big.NewFloat(p.DoubleValue()))
				}
			case names.FlowRTT.Name:
				got.hearHistograms(m)
			}
		}
	}
}

func (got tally) hearHistograms(m pmetric.Metric) {
	if m.Type() == pmetric.MetricTypeHistogram {
		for _, p := range m.Histogram().DataPoints().All() {
			got.at(p.Attributes()).hearHistogram(p.Count(), total(p.BucketCounts().AsRaw()), p.Sum())
		}
		return
	}
	for _, p := range m.ExponentialHistogram().DataPoints().All() {
		got.at(p.Attributes()).hearHistogram(p.Count(), p.ZeroCount()+total(p.Positive().BucketCounts().AsRaw()), p.Sum())
	}
}

func (t *truth) hearHistogram(count, buckets uint64, sum float64) {
	if count != buckets {
		panic(fmt.Sprintf("count %d, buckets %d", count, buckets))
	}
	t.count += count
	t.rttSum.Add(t.rttSum, big.NewFloat(sum))
}

func (got tally) at(attributes pcommon.Map) *truth {
	key := text(attributes, names.Source.WorkloadName) + " " + text(attributes, names.DestinationAddress)
	if got[key] == nil {
		got[key] = newTruth()
	}
	return got[key]
}

func requireEach(t *testing.T, want map[string]*truth, got tally, rounded bool) {
	t.Helper()
	for key, w := range want {
		g := got[key]
		if g == nil {
			g = newTruth()
		}
		requireSame(t, key, w, g, rounded)
		delete(got, key)
	}
	require.Empty(t, got)
}

func requireTotals(t *testing.T, want map[string]*truth, got tally, rounded bool) {
	t.Helper()
	one := func(all map[string]*truth) *truth {
		sum := newTruth()
		for _, key := range slices.Sorted(maps.Keys(all)) {
			sum.bytes[0] += all[key].bytes[0]
			sum.bytes[1] += all[key].bytes[1]
			sum.count += all[key].count
			sum.time.Add(sum.time, all[key].time)
			sum.rttSum.Add(sum.rttSum, all[key].rttSum)
		}
		return sum
	}
	requireSame(t, "all", one(want), one(got), rounded || len(got) > 1)
}

// requireSame compares. Fractions are equal to the last digit of a float64 where none
// of what they are made of was rounded.
func requireSame(t *testing.T, key string, want, got *truth, rounded bool) {
	t.Helper()
	require.Equal(t, want.bytes, got.bytes, key)
	require.Equal(t, want.count, got.count, key)
	for _, pair := range [][2]*big.Float{{want.time, got.time}, {want.rttSum, got.rttSum}} {
		w, _ := pair[0].Float64()
		g, _ := pair[1].Float64()
		if rounded {
			assert.InDelta(t, w, g, 1e-9, key)
		} else {
			assert.Equal(t, w, g, key)
		}
	}
}
