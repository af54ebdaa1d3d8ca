// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A world is agents whose flows count, end and begin anew, and a wire on which what they
// send is late, overtaken and doubled. It knows by itself what the sums have to be.
type world struct {
	rand  *rand.Rand
	delta bool // what is sent
	flows []*counter
	wire  []pmetric.Metrics
}

// A counter is one flow of an agent, in one of its lives.
type counter struct {
	client, pid, peer int
	start, sent       float64 // seconds
	bytes             [2]int64
	time              float64
	rtt               [40]uint64 // from index -20, scale 2
	zero              uint64
	rttSum            float64
	scale             int32
	first             *counter // as it was when its first point arrived
}

const worldClients, worldPeers = 3, 4

// born makes a flow at a time. Before 0 is before the processor.
func (w *world) born(at float64) *counter {
	c := &counter{
		client: w.rand.IntN(worldClients), pid: len(w.flows), peer: w.rand.IntN(worldPeers),
		start: at, sent: at, scale: int32(w.rand.IntN(3)),
	}
	w.flows = append(w.flows, c)
	return c
}

// act lets a flow count something.
func (w *world) act(c *counter) {
	c.bytes[0] += w.rand.Int64N(1 << 40)
	c.bytes[1] += w.rand.Int64N(2)
	c.time += w.rand.Float64() * 1e3
	for range w.rand.IntN(4) {
		c.rtt[w.rand.IntN(len(c.rtt))] += 1 + w.rand.Uint64N(100)
		c.rttSum += w.rand.Float64()
	}
	c.zero += w.rand.Uint64N(2)
	if c.scale > 0 && w.rand.IntN(20) == 0 {
		c.scale--
	}
}

// minus returns what one has more than another.
func (c *counter) minus(d *counter) *counter {
	diff := *c
	for i := range diff.bytes {
		diff.bytes[i] -= d.bytes[i]
	}
	for i := range diff.rtt {
		diff.rtt[i] -= d.rtt[i]
	}
	diff.zero -= d.zero
	diff.time -= d.time
	diff.rttSum -= d.rttSum
	return &diff
}

// send puts a flow's points on the wire, and some twice.
func (w *world) send(c *counter, from *counter, at float64) {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(names.ProcessExecutableName, fmt.Sprint("client", c.client))
	rm.Resource().Attributes().PutInt(names.ProcessPID, int64(c.pid))
	metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
	temporality, start := pmetric.AggregationTemporalityCumulative, c.start
	if w.delta {
		temporality, start = pmetric.AggregationTemporalityDelta, c.sent
	}
	head := func(p written) {
		p.Attributes().PutStr(names.DestinationAddress, fmt.Sprint("10.0.0.", c.peer))
		p.Attributes().PutStr(names.HandshakeRole, names.Client)
		p.SetStartTimestamp(second(start))
		p.SetTimestamp(second(at))
	}
	sum := func(name string) pmetric.NumberDataPointSlice {
		m := metrics.AppendEmpty()
		m.SetName(name)
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(temporality)
		return m.Sum().DataPoints()
	}
	io := sum(names.FlowIO.Name)
	for i, direction := range []string{names.Transmit, names.Receive} {
		p := io.AppendEmpty()
		head(p)
		p.Attributes().PutStr(names.IODirection, direction)
		p.SetIntValue(from.bytes[i])
	}
	p := sum(names.FlowTime.Name).AppendEmpty()
	head(p)
	p.SetDoubleValue(from.time)
	m := metrics.AppendEmpty()
	m.SetName(names.FlowRTT.Name)
	h := m.SetEmptyExponentialHistogram()
	h.SetAggregationTemporality(temporality)
	q := h.DataPoints().AppendEmpty()
	head(q)
	w.fill(q, from)

	copies := 1 + w.rand.IntN(10)/9
	for range copies {
		sent := pmetric.NewMetrics()
		md.CopyTo(sent)
		w.wire = append(w.wire, sent)
	}
	c.sent = at
}

// fill writes the histogram at the flow's scale, and as few buckets as there are.
func (w *world) fill(p pmetric.ExponentialHistogramDataPoint, c *counter) {
	shift := 2 - c.scale
	first := int32(-20) >> shift
	counts := make([]uint64, (19>>shift)-first+1)
	for i, n := range c.rtt {
		counts[(int32(i)-20)>>shift-first] += n
	}
	for len(counts) > 0 && counts[0] == 0 && w.rand.IntN(2) == 0 {
		counts = counts[1:]
		first++
	}
	p.SetScale(c.scale)
	p.Positive().SetOffset(first)
	p.Positive().BucketCounts().FromRaw(counts)
	p.SetZeroCount(c.zero)
	p.SetCount(c.zero + total(counts))
	p.SetSum(c.rttSum)
}

// live lets all flows live for an interval.
func (w *world) live(at float64) {
	for _, c := range slices.Clone(w.flows) {
		if c.sent < c.start || w.rand.IntN(10) == 0 {
			continue // it has ended, or its agent is slow
		}
		before := *c
		w.act(c)
		if w.delta {
			w.send(c, c.minus(&before), at)
		} else {
			w.send(c, c, at)
		}
		if w.rand.IntN(8) == 0 {
			again := w.born(at + 0.5) // the same series with a new start
			again.client, again.pid, again.peer = c.client, c.pid, c.peer
			c.sent = c.start - 1
		}
	}
}

// deliver hands over some of what is on the wire, not in order.
func (w *world) deliver(r *reducer, at float64, all bool) {
	w.rand.Shuffle(len(w.wire), func(i, j int) { w.wire[i], w.wire[j] = w.wire[j], w.wire[i] })
	n := len(w.wire)
	if !all {
		n = w.rand.IntN(n + 1)
	}
	for _, md := range w.wire[:n] {
		w.note(md)
		r.add(md.ResourceMetrics(), uint64(second(at)))
	}
	w.wire = w.wire[n:]
}

// note keeps what a series older than the processor had counted when its first point
// arrived.
func (w *world) note(md pmetric.Metrics) {
	rm := md.ResourceMetrics().At(0)
	pid, _ := rm.Resource().Attributes().Get(names.ProcessPID)
	metrics := rm.ScopeMetrics().At(0).Metrics()
	io := metrics.At(0).Sum().DataPoints()
	for _, c := range w.flows {
		if c.first != nil || c.start > 0 || int64(c.pid) != pid.Int() || second(c.start) != io.At(0).StartTimestamp() {
			continue
		}
		rtt := metrics.At(2).ExponentialHistogram().DataPoints().At(0)
		c.first = &counter{
			bytes: [2]int64{io.At(0).IntValue(), io.At(1).IntValue()}, time: metrics.At(1).Sum().DataPoints().At(0).DoubleValue(),
			zero: rtt.ZeroCount(), rttSum: rtt.Sum(),
		}
		c.first.rtt[0] = rtt.Count() - rtt.ZeroCount() // enough to know how many
	}
}

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

// exact runs a world and compares what was told with what happened.
func exact(t *testing.T, random *rand.Rand) {
	t.Helper()
	w := &world{rand: random, delta: random.IntN(3) == 0}
	cfg := createDefaultConfig().(*Config)
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
