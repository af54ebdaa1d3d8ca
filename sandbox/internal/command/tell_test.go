// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/drill"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

// demonstrated is a demo in which these problems were said after the loss began. A console
// has injected another fault before.
func demonstrated(problems ...score.Problem) drill.Report {
	at := func(s int) time.Time { return time.Date(2026, 11, 28, 12, 0, s, 0, time.UTC) }
	plan := drill.Demo(1)
	spec := plan.Steps[0].Spec
	other := fault.Spec{Fault: "cpu", Place: fault.Place{Kind: fault.Workload, A: "service-q"}}
	r := drill.Report{
		Plan: plan, Start: at(0), End: at(200), Problems: problems,
		Load: drill.Load{Collector: drill.Usage{CPU: .05, Memory: 1 << 27, Peak: 1 << 28}, Shop: drill.Usage{CPU: .45, Memory: 3 << 27}, Busy: .6, CPUs: 2, Seconds: 200},
		Injections: []supervise.Injection{
			{ID: 1, Spec: other, Start: at(10), End: at(20)},
			{ID: 2, Spec: spec, Start: at(120), End: at(180), Stats: impair.Stats{Packets: 4000, Dropped: 121}},
		},
	}
	r.Score = score.Of([]score.Fault{
		{Name: "cpu", Place: other.Place, Start: at(10), End: at(20)},
		{
			Name: "loss-3", Place: spec.Place, Start: at(120), End: at(180), Expect: []string{"tcp_retransmit_rise"},
			Impact: []string{"service-a", "service-b", "service-j", "service-k"}, Ends: []string{"service-j", "service-k"},
		},
	}, problems, 200*time.Second)
	return r
}

func lost(id, kind string, after int, root fault.Place) score.Problem {
	detected := time.Date(2026, 11, 28, 12, 2, after, 0, time.UTC)
	return score.Problem{
		ID: id, Type: kind, Title: "3.1 % of segments are lost", Detected: detected, Onset: detected.Add(-5 * time.Second),
		Candidates: []fault.Place{root}, Services: []string{"service-j", "service-k"},
	}
}

func told(r drill.Report) string {
	var out strings.Builder
	tell(&out, r)
	return out.String()
}

const truth = "\nThe truth: from 12:02:00 on, 121 of 4000 packets between service-j and service-k were lost; 4 services are reached.\n"

const took = "The collector took 0.05 CPUs and 128 MiB (at most 256), the shop 0.45 CPUs and 384 MiB: 10 % and 25 % are the collector's. Of 2 CPUs 0.60 were busy.\n"

func TestTellWhatWasFound(t *testing.T) {
	pair := fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}
	elsewhere := fault.Place{Kind: fault.Pair, A: "service-c", B: "service-d"}
	require.Equal(t, truth+
		"The collector said after 14 s: 3.1 % of segments are lost\n"+
		"  type tcp_retransmit_rise (right), root pair service-j → service-k (right), services service-j service-k (50 % in common with the truth)\n"+
		"The talk's three minutes are 180 s.\n"+
		"Other problems of the same fault: 1. False problems: 1.\n"+took,
		told(demonstrated(lost("1", "tcp_rtt_rise", 9, elsewhere), lost("2", "tcp_retransmit_rise", 14, pair), lost("3", "tcp_retransmit_rise", 20, pair))))
}

// What is wrong is called so.
func TestTellWhatIsWrong(t *testing.T) {
	pair := fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}
	require.Contains(t, told(demonstrated(lost("1", "tcp_rtt_rise", 30, pair))),
		"said after 30 s: 3.1 % of segments are lost\n  type tcp_rtt_rise (wrong), root pair service-j → service-k (right)")
	require.Contains(t, told(demonstrated(lost("1", "tcp_retransmit_rise", 30, fault.Place{Kind: fault.Workload, A: "service-k"}))),
		"type tcp_retransmit_rise (right), root workload service-k (wrong)")
}

func TestTellOfNothing(t *testing.T) {
	require.Equal(t, truth+"The collector found nothing in 1m20s.\nOther problems of the same fault: 0. False problems: 0.\n"+took, told(demonstrated()))

	r := demonstrated()
	r.Injections[1].Failed, r.Score.Outcomes = "inject loss-3: it is broken", r.Score.Outcomes[:1]
	require.Equal(t, "The fault did not begin: inject loss-3: it is broken\n", told(r))
	r.Injections = r.Injections[:1]
	require.Equal(t, "It was stopped before the fault began.\n", told(r))
}
