// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/tcpwhy/tcpwhy/internal/anomaly/internal/metadatatest"
)

// seen is what says that somebody has seen a problem.
func seen(name, id string, at time.Time) plog.Logs {
	ld := plog.NewLogs()
	record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(pcommon.NewTimestampFromTime(at))
	record.Attributes().PutStr(name, id)
	record.Attributes().PutStr("tcp.problem.state", "acknowledged")
	return ld
}

// Who has seen a problem says so by either id, and when it was; the first one counts.
func TestAPersonAcknowledges(t *testing.T) {
	for _, name := range []string{"tcp.problem.id", "tcp.problem.display_id"} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(t, map[string]any{"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}})
			require.NoError(t, err)
			p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
			logs := p.startLogs(cfg)
			p.lose(func() {})
			await := func(n int) pcommon.Map {
				t.Helper()
				require.Eventually(t, func() bool { return len(p.problems()) == n }, 10*time.Second, time.Millisecond)
				return p.problems()[n-1]
			}
			opened := await(1)
			require.Equal(t, number64(opened, "tcp.problem.detected_time"), number64(opened, "tcp.problem.acknowledged_time"))
			auto, _ := opened.Get("tcp.problem.ack.auto")
			require.True(t, auto.Bool())

			p.now.Add(int64(7 * time.Second))
			at := p.metrics.clock.Now()
			logs.Acknowledge(seen(name, text(opened, name), at))
			logs.Acknowledge(seen(name, text(opened, name), at.Add(time.Minute)))
			logs.Acknowledge(seen(name, "P-260304-999", at))
			p.tell(125_000, 1000)
			told := await(2)
			assert.Equal(t, "update", text(told, "tcp.problem.state"))
			auto, _ = told.Get("tcp.problem.ack.auto")
			assert.False(t, auto.Bool())
			assert.Equal(t, at.UnixNano(), number64(told, "tcp.problem.acknowledged_time"))
			mtta, _ := told.Get("tcp.problem.mtta_s")
			assert.InDelta(t, at.Sub(time.Unix(0, number64(told, "tcp.problem.start_time"))).Seconds(), mtta.Double(), 0)
			point := func(n int64) []metricdata.DataPoint[int64] { return []metricdata.DataPoint[int64]{{Value: n}} }
			metadatatest.AssertEqualTCPAnomalyAcknowledgements(t, p.self, point(2), metricdatatest.IgnoreTimestamp())
			metadatatest.AssertEqualTCPAnomalyAcknowledgementsUnknown(t, p.self, point(1), metricdatatest.IgnoreTimestamp())
		})
	}
}

// What tells of problems, or of other things, acknowledges none.
func TestOtherRecordsAcknowledgeNothing(t *testing.T) {
	cfg, err := load(t, map[string]any{"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}})
	require.NoError(t, err)
	p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
	logs := p.startLogs(cfg)
	p.lose(func() {})
	require.Eventually(t, func() bool { return len(p.problems()) == 1 }, 10*time.Second, time.Millisecond)
	for _, ld := range p.sink.AllLogs() {
		logs.Acknowledge(ld)
	}
	acknowledged, unknown := p.metrics.desk.acknowledgements()
	assert.Zero(t, acknowledged+unknown)
}

func number64(attributes pcommon.Map, name string) int64 {
	value, _ := attributes.Get(name)
	return value.Int()
}
