// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// A person acknowledges a problem by a log record that comes through the logs pipeline; from
// then on its events have that time, and the record goes on to where logs are kept.
func TestAcknowledge(t *testing.T) {
	s := startStage(t, "testdata/golden/loss/config.yaml")
	r := readScript(t, "testdata/golden/loss/in.yaml")
	r.Steps = r.Steps[:2] // until it is there
	s.play(r)
	var opened plog.LogRecord
	require.Eventually(t, func() (found bool) {
		opened, found = s.problem("open")
		return found
	}, 10*time.Second, time.Millisecond)

	s.pass(3 * time.Second)
	seen := s.time()
	ld := plog.NewLogs()
	record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTimestamp(pcommon.NewTimestampFromTime(seen))
	id, _ := opened.Attributes().Get("tcp.problem.display_id")
	record.Attributes().PutStr("tcp.problem.display_id", id.Str())
	record.Attributes().PutStr("tcp.problem.state", "acknowledged")
	ld.MarkReadOnly()
	require.NoError(t, s.logs.ConsumeLogs(t.Context(), ld))
	passed := s.logsBehind.AllLogs()
	assert.Equal(t, ld, passed[len(passed)-1])

	r.Steps[1].Intervals = 2
	r.Steps = r.Steps[1:]
	s.play(r)
	s.end()
	told, found := s.problem("update")
	require.True(t, found)
	start, _ := told.Attributes().Get("tcp.problem.start_time")
	at, _ := told.Attributes().Get("tcp.problem.acknowledged_time")
	mtta, _ := told.Attributes().Get("tcp.problem.mtta_s")
	auto, _ := told.Attributes().Get("tcp.problem.ack.auto")
	assert.Equal(t, seen.UnixNano(), at.Int())
	assert.InDelta(t, seen.Sub(time.Unix(0, start.Int())).Seconds(), mtta.Double(), 0)
	assert.False(t, auto.Bool())
}

// problem is the last record of a problem in a state.
func (s *stage) problem(state string) (last plog.LogRecord, found bool) {
	for _, ld := range s.logsBehind.AllLogs() {
		for _, record := range ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			if value, _ := record.Attributes().Get("tcp.problem.state"); record.EventName() == "tcp.flow.problem" && value.Str() == state {
				last, found = record, true
			}
		}
	}
	return last, found
}
