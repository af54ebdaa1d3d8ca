// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package verdict_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/verdict"
)

func line(event, state, kind, at string) string {
	return `{"resourceLogs":[{"resource":{},"scopeLogs":[{"logRecords":[{"observedTimeUnixNano":"4000000000","eventName":"` + event + `","attributes":[
{"key":"tcp.problem.id","value":{"stringValue":"p1"}},{"key":"tcp.problem.state","value":{"stringValue":"` + state + `"}},
{"key":"tcp.problem.type","value":{"stringValue":"` + kind + `"}},
{"key":"tcp.problem.start_time","value":{"intValue":"1000000000"}},{"key":"tcp.problem.detected_time","value":{"intValue":"` + at + `"}},
{"key":"tcp.problem.end_time","value":{"intValue":"9000000000"}},
{"key":"tcp.problem.root_cause.kind","value":{"stringValue":"pair"}},{"key":"tcp.problem.root_cause.name","value":{"stringValue":"service-j ↔ service-k"}},
{"key":"tcp.problem.candidates","value":{"arrayValue":{"values":[{"stringValue":"pair shop/service-j ↔ shop/service-k: 2 of 2 edges are bad"},{"stringValue":"pod shop/service-k-0: 1 of 3 edges are bad"},{"stringValue":"node pair node-3 → node-2: 1 of 9 edges are bad"}]}}},
{"key":"tcp.problem.affected.services","value":{"arrayValue":{"values":[{"stringValue":"service-j"}]}}}]}]}]}]}`
}

func file(lines ...string) string {
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "\n", "")
	}
	return strings.Join(lines, "\n")
}

func TestProblemFromBeginToEnd(t *testing.T) {
	all, err := verdict.Parse(strings.NewReader(file(
		line("tcp.flow.anomaly", "open", "tcp_retransmit_rise", "3000000000"),
		line("tcp.flow.problem", "open", "tcp_retransmit_rise", "3000000000"),
		line("tcp.flow.problem", "close", "tcp_tail_loss", "3000000000"),
		"{\"resourceLogs\":[{",
	)))
	require.NoError(t, err)
	require.Len(t, all, 1)
	p := all[0]
	require.Equal(t, "tcp_retransmit_rise", p.Type, "what was said first counts")
	require.Equal(t, time.Unix(4, 0), p.Detected, "when it was said, whatever it claims")
	require.Equal(t, time.Unix(1, 0), p.Onset)
	require.Equal(t, time.Unix(9, 0), p.Closed)
	require.Equal(t, []fault.Place{{Kind: "pair", A: "service-j", B: "service-k"}, {Kind: "pod", A: "service-k-0"}, {Kind: "node_pair", A: "node-3", B: "node-2"}}, p.Candidates)
	require.Equal(t, []string{"service-j"}, p.Services)
}

// Who is told that a problem is open once more is told of something new.
func TestProblemOpensAgain(t *testing.T) {
	again := strings.Replace(line("tcp.flow.problem", "open", "tcp_tail_loss", "3000000000"), `"4000000000"`, `"20000000000"`, 1)
	all, err := verdict.Parse(strings.NewReader(file(
		line("tcp.flow.problem", "open", "tcp_retransmit_rise", "3000000000"),
		line("tcp.flow.problem", "close", "tcp_retransmit_rise", "3000000000"),
		again,
		line("tcp.flow.problem", "update", "tcp_retransmit_rise", "3000000000"),
	)))
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, time.Unix(4, 0), all[0].Detected)
	require.Equal(t, time.Unix(9, 0), all[0].Closed)
	require.Equal(t, "p1 again 1", all[1].ID)
	require.Equal(t, "tcp_tail_loss", all[1].Type)
	require.Equal(t, time.Unix(20, 0), all[1].Detected)
	require.Equal(t, time.Unix(20, 0), all[1].Onset)
	require.True(t, all[1].Closed.IsZero())
}

func TestBrokenLineInTheMiddle(t *testing.T) {
	_, err := verdict.Parse(strings.NewReader("{\n{}\n"))
	require.ErrorContains(t, err, "line 1")
}

func TestListenerIsItsWorkload(t *testing.T) {
	require.Equal(t, fault.Place{Kind: fault.Workload, A: "service-d"}, verdict.Place("listener", "service-d:8080"))
}
