// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// What is not added up gets names, those of who was there at each point's time, and is
// otherwise as it came, byte for byte.
func TestEachPointIsNamedAndLeftAsItIs(t *testing.T) {
	points := 0
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		w := &world{rand: r, delta: r.IntN(3) == 0, explicit: r.IntN(4), pods: true, addresses: true}
		w.ledger = ledger{stale: 3600, gap: 3600, heard: make(map[flowID]float64), floor: math.Inf(-1)}
		w.settle()
		if r.IntN(2) == 0 {
			w.brief()
		}
		for range 5 {
			w.appear(float64(r.IntN(40)) - 20)
		}
		for at := 21.0; at < 180; at += 10 {
			w.live(at)
		}
		for _, p := range w.wire {
			before := pmetric.NewMetrics()
			p.metrics.CopyTo(before)
			rm := p.metrics.ResourceMetrics().At(0)
			enrich(w.directory(), rm)
			eachPoint(rm, func(_ *names.Metric, attributes pcommon.Map, at pcommon.Timestamp) {
				require.Equal(t, w.key(p.of, secondOf(uint64(at))), keyOf(attributes))
				points++
			})
			strip(rm, before.ResourceMetrics().At(0))
			require.Equal(t, marshal(t, before), marshal(t, p.metrics))
		}
	}
	t.Logf("%d points", points)
	require.NotZero(t, points)
}

// strip takes off all attributes that were not there before.
func strip(rm, before pmetric.ResourceMetrics) {
	only := func(there pcommon.Map) func(string, pcommon.Value) bool {
		return func(name string, _ pcommon.Value) bool {
			_, ok := there.Get(name)
			return !ok
		}
	}
	rm.Resource().Attributes().RemoveIf(only(before.Resource().Attributes()))
	var were []pcommon.Map
	eachPoint(before, func(_ *names.Metric, attributes pcommon.Map, _ pcommon.Timestamp) { were = append(were, attributes) })
	eachPoint(rm, func(_ *names.Metric, attributes pcommon.Map, _ pcommon.Timestamp) {
		attributes.RemoveIf(only(were[0]))
		were = were[1:]
	})
}
