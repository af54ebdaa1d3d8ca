// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.yaml.in/yaml/v3"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A script is what receivers tell, interval by interval, as in.yaml has it: flows with
// their OTLP attributes, and by how much each of their metrics grows. Names of metrics carry
// what splits them: tcp.flow.retransmits{network.tcp.retransmit.type=fast}. A gauge is what
// it is at the end, a histogram a list of [seconds, count].
type script struct {
	// About says what it shows, and where it is from.
	About string
	// Opens are the types of the problems that it has to open, each once.
	Opens []string
	// Tells are the types of the anomalies that it has to tell of: not all of them hurt.
	Tells []string
	// Says are words that what is told has to have in it, Unsaid those that it must not.
	Says, Unsaid []string
	Flows        map[string]struct{ Resource, Attributes map[string]any }
	// Before is what flows had counted before the processor began; those without are new.
	Before map[string]growth
	Steps  []struct {
		Intervals int
		// Told is in which way intervals are told, if it is not one after the other.
		Told  manner
		Flows map[string]growth
	}
}

type growth map[string]any

func readScript(t *testing.T, path string) *script {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	r := new(script)
	decoder := yaml.NewDecoder(strings.NewReader(string(b)))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(r))
	require.NotEmpty(t, r.About)
	return r
}

// A player tells a script as OTLP.
type player struct {
	t      *testing.T
	began  time.Time                    // flows that are new
	starts map[string]time.Time         // of other flows
	totals map[string]map[string]*total // by flow and metric
	held   []pmetric.Metrics            // back, to be told later
}

func newPlayer(t *testing.T, began time.Time) *player {
	return &player{t: t, began: began, starts: make(map[string]time.Time), totals: make(map[string]map[string]*total)}
}

// A total is how far a cumulative series has come.
type total struct {
	sum     float64
	buckets map[int]uint64 // of an exponential histogram of scale 2
	old     bool           // nothing has been told of it, and it counted before the processor began
	unseen  float64        // what it had counted when it was told of first, if it is old
	former  float64        // what lives that are over had counted
}

// tell returns the points of one interval.
func (p *player) tell(r *script, flows map[string]growth, at time.Time) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for _, name := range slices.Sorted(maps.Keys(flows)) {
		flow, ok := r.Flows[name]
		require.True(p.t, ok, "there is no flow %s", name)
		rm := md.ResourceMetrics().AppendEmpty()
		require.NoError(p.t, rm.Resource().Attributes().FromRaw(flow.Resource))
		metrics := rm.ScopeMetrics().AppendEmpty().Metrics()
		if p.totals[name] == nil {
			p.totals[name] = make(map[string]*total)
		}
		for key := range flows[name] { // a sum goes on where it does not grow
			if p.totals[name][key] == nil {
				p.totals[name][key] = &total{buckets: make(map[int]uint64), old: p.start(name).Before(p.began)}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(p.totals[name])) {
			p.write(metrics.AppendEmpty(), key, flows[name][key], p.totals[name][key], flow.Attributes, p.start(name), at)
		}
	}
	return md
}

// sums adds up what has been told, by the names of metrics.
func (p *player) sums() map[string]float64 {
	sums := make(map[string]float64)
	for _, series := range p.totals {
		for key, total := range series {
			name, _, _ := strings.Cut(key, "{")
			if known[name].Kind == names.Sum {
				sums[name] += total.former + total.sum - total.unseen
			}
		}
	}
	return sums
}

var known = func() map[string]names.Metric {
	byName := make(map[string]names.Metric)
	for _, m := range names.Metrics() {
		byName[m.Name] = m
	}
	return byName
}()

// write writes one metric's point.
func (p *player) write(to pmetric.Metric, key string, value any, sofar *total, attributes map[string]any, began, at time.Time) {
	name, split, _ := strings.Cut(strings.TrimSuffix(key, "}"), "{")
	metric, ok := known[name]
	require.True(p.t, ok, "there is no metric %s", name)
	to.SetName(name)
	describe := func(to pcommon.Map) {
		require.NoError(p.t, to.FromRaw(attributes))
		if name, value, ok := strings.Cut(split, "="); ok {
			to.PutStr(name, value)
		}
	}
	stamp := func(start, end func(pcommon.Timestamp)) {
		start(pcommon.NewTimestampFromTime(began))
		end(pcommon.NewTimestampFromTime(at))
	}
	switch metric.Kind {
	case names.Gauge:
		if value == nil {
			to.SetEmptyGauge()
			return
		}
		point := to.SetEmptyGauge().DataPoints().AppendEmpty()
		describe(point.Attributes())
		stamp(func(pcommon.Timestamp) {}, point.SetTimestamp)
		setNumber(point, &metric, float(p.t, value))
	case names.Sum:
		sum := to.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		point := sum.DataPoints().AppendEmpty()
		describe(point.Attributes())
		stamp(point.SetStartTimestamp, point.SetTimestamp)
		sofar.sum += float(p.t, value)
		sofar.meet()
		setNumber(point, &metric, sofar.sum)
	default:
		histogram := to.SetEmptyExponentialHistogram()
		histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		point := histogram.DataPoints().AppendEmpty()
		describe(point.Attributes())
		stamp(point.SetStartTimestamp, point.SetTimestamp)
		sofar.fill(p.t, value)
		sofar.write(point)
	}
}

func setNumber(point pmetric.NumberDataPoint, metric *names.Metric, value float64) {
	if metric.Unit == names.Seconds {
		point.SetDoubleValue(value)
	} else {
		point.SetIntValue(int64(value))
	}
}

func float(t *testing.T, value any) float64 {
	switch v := value.(type) {
	case nil:
		return 0
	case int:
		return float64(v)
	case float64:
		return v
	}
	require.Fail(t, "no number", fmt.Sprint(value))
	return 0
}

// fill adds a list of values and their counts.
func (to *total) fill(t *testing.T, value any) {
	list, _ := value.([]any)
	for _, entry := range list {
		pair, ok := entry.([]any)
		require.True(t, ok && len(pair) == 2, "%v is not [value, count]", entry)
		v, n := float(t, pair[0]), float(t, pair[1])
		to.buckets[int(math.Ceil(4*math.Log2(v)))-1] += uint64(n)
		to.sum += v * n
	}
}

func (to *total) write(point pmetric.ExponentialHistogramDataPoint) {
	point.SetScale(2)
	point.SetSum(to.sum)
	if len(to.buckets) == 0 {
		return
	}
	indexes := slices.Sorted(maps.Keys(to.buckets))
	first, last := indexes[0], indexes[len(indexes)-1]
	point.Positive().SetOffset(int32(first))
	all := uint64(0)
	for i := first; i <= last; i++ {
		point.Positive().BucketCounts().Append(to.buckets[i])
		all += to.buckets[i]
	}
	point.SetCount(all)
}
