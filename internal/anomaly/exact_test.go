// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// exact runs a world, compares what was told with what happened, and returns what the
// ledger says.
func exact(t *testing.T, random *rand.Rand, whose clockOwner) *world {
	t.Helper()
	w := &world{rand: random, explicit: random.IntN(4), clocks: clocks{whose: whose, step: step(random)}}
	w.delta = random.IntN(3) == 0 && w.steady()
	w.ledger = ledger{
		stale: 3600, gap: 3600, heard: make(map[flowID]float64), queues: make(map[flowID]*queue), floor: math.Inf(-1), horizon: math.Inf(-1),
	}
	if random.IntN(2) == 0 && w.steady() { // else nothing is forgotten
		w.stale, w.gap = float64(10+random.IntN(30)), float64(40+random.IntN(100))
		if w.step < 7200 { // what is as late as that, and forgotten, may be of before a clock was set back or after it
			w.gap += 3*w.step + 130
		}
	}
	cfg := CreateDefaultConfig().(*Config)
	cfg.Aggregate = AggregateWorkload
	if w.pods = random.IntN(2) == 0; w.pods {
		cfg.Aggregate = AggregatePod
	}
	if w.addresses = random.IntN(3) > 0; w.addresses {
		cfg.Attributes.Include = []string{names.DestinationAddress}
	}
	if random.IntN(3) > 0 && w.steady() { // who was where is asked by their clocks
		w.settle()
	}
	if random.IntN(2) == 0 {
		w.brief()
	}
	cfg.MaxStale, cfg.MaxGap = time.Duration(w.stale*1e9), time.Duration(w.gap*1e9)
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
	r := newReducer(cfg, w.directory(), "gateway", instant(1e-9))
	for range 1 + random.IntN(10) {
		w.appear(float64(random.IntN(40)) - 20.4) // never at 0, which is none
	}
	got := newTally(deltaOut)
	for at := 21.0; at < 180; at += 10 {
		w.interrupt(at)
		w.set()
		w.live(at)
		w.deliver(r, at+1, false)
		if told := w.tell(r, got, at+2, random.IntN(3) == 0); told && w.steady() {
			w.requireQueues(t, got, overflow)
		}
	}
	w.deliver(r, 200, true)
	w.tell(r, got, 201, false)
	w.require(t, r, got.sums(), overflow, deltaOut)
	return w
}

// tell ends an interval, and returns whether the next component took what it says.
func (w *world) tell(r *reducer, got *tally, at float64, refuse bool) (told bool) {
	w.pass(at)
	all := pmetric.NewMetrics()
	for _, d := range r.write("", w.instant(at)) {
		if refuse && len(d.outputs) > 0 {
			continue
		}
		d.metrics.ResourceMetrics().MoveAndAppendTo(all.ResourceMetrics())
		r.accepted(d)
	}
	if !refuse {
		got.hear(all)
	}
	return !refuse
}

// require compares. All that happened was told, or was lost and is counted.
func (w *world) require(t *testing.T, r *reducer, got map[sumKey]*truth, overflow, deltaOut bool) {
	t.Helper()
	counted, lost, happened := w.sums()
	// Differences are, and sums of series of several kinds or lives.
	rounded := w.delta || deltaOut || w.explicit%3 != 0 || w.stale < 3600 || w.moved > 0
	compare := requireEach
	if overflow {
		compare = requireTotals
	}
	compare(t, counted, got, rounded)
	require.Equal(t, w.baselines, r.table.Stats.Baselines)
	require.Equal(t, w.forgotten, r.table.Stats.Forgotten)
	flows := make(map[sumKey]*truth)
	for key, part := range got {
		sumOf(flows, key.flow()).plus(part, 1)
	}
	if w.baselines+w.forgotten == 0 {
		compare(t, happened, flows, rounded || len(flows) < len(got))
	}
	for flow, part := range lost {
		sumOf(flows, flow).plus(part, 1)
	}
	compare(t, happened, flows, true)
}

// Nothing is lost that is not counted: series that are late, overtaken, doubled, begin
// anew, or come back after a silence. What a flow counts goes to who was at its ends when
// it told so: pods that come and go at one address, and processes that are another pod's. It is so whoever
// knows that, the processor or an agent that finds out late, and of flows that differ in a pair's key or a
// translated address only, and of listeners. The gauges are those of who is there now.
func TestSumsAreExact(t *testing.T) {
	var resumed, moved int
	var baselines, forgotten uint64
	for seed := range uint64(500) {
		l := exact(t, rand.New(rand.NewPCG(seed, 1)), noClock)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		resumed += l.resumed
		moved += l.moved
		baselines += l.baselines
		forgotten += l.forgotten
	}
	t.Logf("%d came back, %d flows moved, %d baselines, %d points forgotten", resumed, moved, baselines, forgotten)
	require.NotZero(t, resumed)
	require.NotZero(t, moved)
	require.NotZero(t, baselines)
	require.NotZero(t, forgotten)
}

// Nothing is counted twice, and nothing lost that is not counted, whatever clocks are set to and back: the
// processor's own, which changes nothing at all, agents', or all at once.
func TestSumsAreExactWhateverClocksSay(t *testing.T) {
	for whose, name := range map[clockOwner]string{ourClock: "ours", agentClocks: "agents'", allClocks: "all"} {
		t.Run(name, func(t *testing.T) {
			sets := 0
			var baselines uint64
			for seed := range uint64(500) {
				w := exact(t, rand.New(rand.NewPCG(seed, 3)), whose)
				require.False(t, t.Failed(), "seed %d", seed)
				sets += w.sets
				baselines += w.baselines
			}
			t.Logf("%d clocks were set, %d baselines", sets, baselines)
			require.NotZero(t, sets)
		})
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
		exact(t, rand.New(&bytesSource{data: data, rest: rand.NewPCG(seed, 2)}), clockOwner(seed%4))
	})
}
