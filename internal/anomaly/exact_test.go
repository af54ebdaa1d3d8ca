// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"math/rand/v2"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// exact runs a world and compares what was told with what happened.
func exact(t *testing.T, random *rand.Rand) {
	t.Helper()
	w := &world{rand: random, delta: random.IntN(3) == 0}
	cfg := CreateDefaultConfig().(*Config)
	cfg.Aggregate, cfg.MaxStale = AggregateWorkload, time.Hour
	cfg.Attributes.Include = []string{names.DestinationAddress}
	deltaOut := random.IntN(2) == 0
	if deltaOut {
		cfg.Temporality = TemporalityDelta
	}
	if random.IntN(2) == 0 {
		cfg.OutputHistogram = HistogramExponential
	}
	overflow := random.IntN(3) == 0
	if overflow {
		cfg.MaxSeries = 1 + random.IntN(10)
	}
	r := newReducer(cfg, strangers, "gateway", uint64(second(1e-9)))
	for range 1 + random.IntN(10) {
		w.born(float64(random.IntN(40)) - 20)
	}
	got := make(tally)
	for at := 21.0; at < 180; at += 10 {
		w.live(at)
		w.deliver(r, at+1, false)
		tell(r, got, at+2, deltaOut, random.IntN(3) == 0)
	}
	w.deliver(r, 200, true)
	tell(r, got, 201, deltaOut, false)
	rounded := w.delta || deltaOut // differences are
	if overflow {
		requireTotals(t, w.truths(), got, rounded)
		return
	}
	requireEach(t, w.truths(), got, rounded)
}

func tell(r *reducer, got tally, at float64, delta, refuse bool) {
	all := pmetric.NewMetrics()
	for _, d := range r.write("", uint64(second(at))) {
		if refuse && len(d.outputs) > 0 {
			continue
		}
		d.metrics.ResourceMetrics().MoveAndAppendTo(all.ResourceMetrics())
		r.accepted(d)
	}
	if !refuse {
		got.hear(all, delta)
	}
}

func TestSumsAreExact(t *testing.T) {
	for seed := range uint64(500) {
		exact(t, rand.New(rand.NewPCG(seed, 1)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// bytesSource is randomness that a fuzzer chooses.
type bytesSource struct {
	data []byte
	rest *rand.PCG
}

func (s *bytesSource) Uint64() uint64 {
	if len(s.data) < 2 {
		return s.rest.Uint64()
	}
	n := uint64(s.data[0])<<56 | uint64(s.data[1])<<24 | uint64(s.data[1])
	s.data = s.data[2:]
	return n
}

func FuzzSumsAreExact(f *testing.F) {
	f.Add([]byte{}, uint64(1))
	f.Add([]byte("all kinds of weather"), uint64(2))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		exact(t, rand.New(&bytesSource{data: data, rest: rand.NewPCG(seed, 2)}))
	})
}
