// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// Metrics are written in tests as people read them:
//
//	resource {host.name=node-1 process.pid=7(Int)}
//	tcp.flow.io sum cumulative
//	  {network.io.direction=transmit} 5s..10s 100
//	tcp.flow.time sum delta
//	  {} 5s..10s 0.5
//	tcp.flow.rtt exponential cumulative
//	  {} 5s..10s sum 0.18 scale 2 zero 1 offset -15 [1 1]
//	tcp.flow.rtt histogram cumulative
//	  {} 5s..10s sum 0.18 bounds [0.1 0.2] counts [1 2 0]
//	tcp.flow.rtt_min gauge
//	  {} 0s..10s none
//
// None is NoRecordedValue, a number with a point is a double, and what follows a # is
// why it is so. Times count from an arbitrary moment; 0s is that no time is set.

const epoch = 1_000_000

// instant is a moment of a clock that nobody sets.
func instant(n float64) reduce.Instant {
	return reduce.Instant{Pace: uint64(second(n)), Clock: uint64(second(n))}
}

// second is a moment.
func second(n float64) pcommon.Timestamp {
	if n == 0 {
		return 0
	}
	return pcommon.Timestamp((epoch + n) * 1e9)
}

var (
	comment = regexp.MustCompile(`\s+#.*$|^#.*$`)
	point   = regexp.MustCompile(`^\{(.*)\} (-?[\d.]+)s\.\.([\d.]+)s (.*)$`)
)

// parse reads metrics as written above.
func parse(t testing.TB, text string) pmetric.Metrics {
	t.Helper()
	md := pmetric.NewMetrics()
	var rm pmetric.ResourceMetrics
	var m pmetric.Metric
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(comment.ReplaceAllString(line, ""))
		switch {
		case line == "":
		case strings.HasPrefix(line, "resource "):
			rm = md.ResourceMetrics().AppendEmpty()
			rm.ScopeMetrics().AppendEmpty().Scope().SetName("test")
			parseAttributes(t, rm.Resource().Attributes(), strings.Trim(line[len("resource "):], "{}"))
		case strings.HasPrefix(line, "{"):
			parsePoint(t, m, line)
		default:
			m = rm.ScopeMetrics().At(0).Metrics().AppendEmpty()
			parseMetric(t, m, strings.Fields(line))
		}
	}
	return md
}

func parseMetric(t testing.TB, m pmetric.Metric, words []string) {
	t.Helper()
	m.SetName(words[0])
	temporality := pmetric.AggregationTemporalityCumulative
	if words[len(words)-1] == "delta" {
		temporality = pmetric.AggregationTemporalityDelta
	}
	switch words[1] {
	case "gauge":
		m.SetEmptyGauge()
	case "sum":
		m.SetEmptySum().SetIsMonotonic(true)
		m.Sum().SetAggregationTemporality(temporality)
	case "histogram":
		m.SetEmptyHistogram().SetAggregationTemporality(temporality)
	case "exponential":
		m.SetEmptyExponentialHistogram().SetAggregationTemporality(temporality)
	default:
		require.FailNow(t, "unknown kind", "%v", words)
	}
}

func parseAttributes(t testing.TB, attributes pcommon.Map, text string) {
	t.Helper()
	for _, pair := range strings.Fields(text) {
		key, value, found := strings.Cut(pair, "=")
		require.True(t, found, pair)
		switch {
		case strings.HasSuffix(value, "(Int)"):
			number, err := strconv.ParseInt(strings.TrimSuffix(value, "(Int)"), 10, 64)
			require.NoError(t, err)
			attributes.PutInt(key, number)
		case strings.HasSuffix(value, "(Bool)"):
			attributes.PutBool(key, value == "true(Bool)")
		default:
			attributes.PutStr(key, value)
		}
	}
}

type anyPoint interface {
	Attributes() pcommon.Map
	SetStartTimestamp(pcommon.Timestamp)
	SetTimestamp(pcommon.Timestamp)
	SetFlags(pmetric.DataPointFlags)
}

func parsePoint(t testing.TB, m pmetric.Metric, line string) {
	t.Helper()
	parts := point.FindStringSubmatch(line)
	require.NotNil(t, parts, line)
	value := strings.Fields(strings.NewReplacer("[", " [ ", "]", " ] ").Replace(parts[4]))
	p := newPoint(t, m, value)
	parseAttributes(t, p.Attributes(), parts[1])
	p.SetStartTimestamp(second(float(t, parts[2])))
	p.SetTimestamp(second(float(t, parts[3])))
	if parts[4] == "none" {
		p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	}
}

func newPoint(t testing.TB, m pmetric.Metric, value []string) anyPoint {
	t.Helper()
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return parseNumber(t, m.Gauge().DataPoints().AppendEmpty(), value)
	case pmetric.MetricTypeSum:
		return parseNumber(t, m.Sum().DataPoints().AppendEmpty(), value)
	case pmetric.MetricTypeHistogram:
		return parseExplicit(t, m.Histogram().DataPoints().AppendEmpty(), value)
	default:
		return parseExponential(t, m.ExponentialHistogram().DataPoints().AppendEmpty(), value)
	}
}

func parseNumber(t testing.TB, p pmetric.NumberDataPoint, value []string) anyPoint {
	t.Helper()
	switch {
	case value[0] == "none":
	case strings.ContainsAny(value[0], ".e"):
		p.SetDoubleValue(float(t, value[0]))
	default:
		number, err := strconv.ParseInt(value[0], 10, 64)
		require.NoError(t, err)
		p.SetIntValue(number)
	}
	return p
}

func parseExplicit(t testing.TB, p pmetric.HistogramDataPoint, value []string) anyPoint {
	t.Helper()
	for len(value) > 1 {
		switch value[0] {
		case "sum":
			p.SetSum(float(t, value[1]))
			value = value[2:]
		case "bounds":
			var bounds []float64
			for value = value[2:]; value[0] != "]"; value = value[1:] {
				bounds = append(bounds, float(t, value[0]))
			}
			p.ExplicitBounds().FromRaw(bounds)
			value = value[1:]
		case "counts":
			var counts []uint64
			counts, value = parseCounts(t, value[2:])
			p.BucketCounts().FromRaw(counts)
			p.SetCount(total(counts))
		}
	}
	return p
}

func parseExponential(t testing.TB, p pmetric.ExponentialHistogramDataPoint, value []string) anyPoint {
	t.Helper()
	for len(value) > 1 {
		switch value[0] {
		case "sum":
			p.SetSum(float(t, value[1]))
		case "scale":
			p.SetScale(int32(float(t, value[1])))
		case "zero":
			p.SetZeroCount(uint64(float(t, value[1])))
			p.SetCount(p.ZeroCount())
		case "threshold":
			p.SetZeroThreshold(float(t, value[1]))
		case "offset":
			p.Positive().SetOffset(int32(float(t, value[1])))
			counts, _ := parseCounts(t, value[3:])
			p.Positive().BucketCounts().FromRaw(counts)
			p.SetCount(p.ZeroCount() + total(counts))
			return p
		default:
			require.FailNow(t, "unknown word", "%v", value)
		}
		value = value[2:]
	}
	return p
}

func parseCounts(t testing.TB, words []string) (counts []uint64, rest []string) {
	t.Helper()
	for rest = words; rest[0] != "]"; rest = rest[1:] {
		counts = append(counts, uint64(float(t, rest[0])))
	}
	return counts, rest[1:]
}

func total(counts []uint64) (sum uint64) {
	for _, count := range counts {
		sum += count
	}
	return sum
}

func float(t testing.TB, text string) float64 {
	t.Helper()
	number, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return number
}

// write writes metrics as parse reads them, in an order that does not depend on theirs.
func write(md pmetric.Metrics) string {
	var resources []string
	for _, rm := range md.ResourceMetrics().All() {
		var b strings.Builder
		fmt.Fprintf(&b, "resource {%s}\n", writeAttributes(rm.Resource().Attributes()))
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				writeMetric(&b, m)
			}
		}
		resources = append(resources, b.String())
	}
	slices.Sort(resources)
	return strings.Join(resources, "")
}

func writeMetric(b *strings.Builder, m pmetric.Metric) {
	var points []string
	kind := map[pmetric.MetricType]string{
		pmetric.MetricTypeGauge: "gauge", pmetric.MetricTypeSum: "sum", pmetric.MetricTypeHistogram: "histogram",
		pmetric.MetricTypeExponentialHistogram: "exponential",
	}[m.Type()]
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		for _, p := range m.Gauge().DataPoints().All() {
			points = append(points, writeNumber(p))
		}
	case pmetric.MetricTypeSum:
		kind += " " + strings.ToLower(m.Sum().AggregationTemporality().String())
		for _, p := range m.Sum().DataPoints().All() {
			points = append(points, writeNumber(p))
		}
	case pmetric.MetricTypeHistogram:
		kind += " " + strings.ToLower(m.Histogram().AggregationTemporality().String())
		for _, p := range m.Histogram().DataPoints().All() {
			points = append(points, writeHead(p)+ended(p.Flags(), fmt.Sprintf("sum %v bounds %v counts %v",
				p.Sum(), p.ExplicitBounds().AsRaw(), p.BucketCounts().AsRaw())))
		}
	case pmetric.MetricTypeExponentialHistogram:
		kind += " " + strings.ToLower(m.ExponentialHistogram().AggregationTemporality().String())
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			points = append(points, writeHead(p)+ended(p.Flags(), fmt.Sprintf("sum %v scale %d zero %d offset %d %v",
				p.Sum(), p.Scale(), p.ZeroCount(), p.Positive().Offset(), p.Positive().BucketCounts().AsRaw())))
		}
	}
	slices.Sort(points)
	fmt.Fprintf(b, "%s %s\n%s", m.Name(), kind, strings.Join(points, ""))
}

func writeNumber(p pmetric.NumberDataPoint) string {
	value := fmt.Sprint(p.IntValue())
	if p.ValueType() == pmetric.NumberDataPointValueTypeDouble {
		if value = fmt.Sprint(p.DoubleValue()); !strings.ContainsAny(value, ".e") {
			value += ".0"
		}
	}
	return writeHead(p) + ended(p.Flags(), value)
}

func ended(flags pmetric.DataPointFlags, value string) string {
	if flags.NoRecordedValue() {
		return "none\n"
	}
	return value + "\n"
}

func writeHead(p interface {
	Attributes() pcommon.Map
	StartTimestamp() pcommon.Timestamp
	Timestamp() pcommon.Timestamp
},
) string {
	return fmt.Sprintf("  {%s} %vs..%vs ", writeAttributes(p.Attributes()), seconds(p.StartTimestamp()), seconds(p.Timestamp()))
}

func seconds(t pcommon.Timestamp) float64 {
	if t == 0 {
		return 0
	}
	return float64(int64(t)-epoch*1e9) / 1e9
}

func writeAttributes(attributes pcommon.Map) string {
	var pairs []string
	for key, value := range attributes.All() {
		pairs = append(pairs, fmt.Sprintf("%s=%s(%s)", key, value.AsString(), value.Type()))
	}
	slices.Sort(pairs)
	return strings.ReplaceAll(strings.Join(pairs, " "), "(Str)", "")
}
