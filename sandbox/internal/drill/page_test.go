// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// example is of a drill with a loss that was found, a refusal that was missed, a stall
// that cannot be seen, and a false problem.
func example() Report {
	at := func(s int) time.Time { return time.Unix(int64(1_000_000+s), 0).UTC() }
	pair := fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}
	injection := func(id uint16, name string, place fault.Place, start int) supervise.Injection {
		return supervise.Injection{ID: id, Spec: fault.Spec{Fault: name, Place: place}, Start: at(start), End: at(start + 75)}
	}
	r := Report{
		Plan: Plan{Name: "full", Seed: 7}, Start: at(0), End: at(1200),
		Load: Load{Collector: Usage{CPU: .05, Memory: 1 << 27, Peak: 1 << 28}, Shop: Usage{CPU: .95, Memory: 7 << 27}, Busy: 1.5, CPUs: 2, Seconds: 1200},
		Injections: []supervise.Injection{
			injection(1, "loss-3", pair, 100), injection(2, "refused", fault.Place{Kind: fault.Workload, A: "service-d"}, 300),
			injection(3, "redis-stall", fault.Place{Kind: fault.Workload, A: "service-m"}, 500),
		},
		Problems: []score.Problem{
			{ID: "a", Type: "tcp_tail_loss", Title: "Lost <b>", Detected: at(115), Onset: at(105), Closed: at(220), Candidates: []fault.Place{pair}, Services: []string{"service-j", "service-k"}},
			{ID: "b", Type: "tcp_zero_window", Title: "Invented", Detected: at(530), Onset: at(520), Candidates: []fault.Place{{Kind: fault.Workload, A: "service-m"}}},
		},
	}
	r.Injections[2].Witness = stall(r.Injections[2].Start)
	r.rate()
	return r
}

// stall is what the clients of a stalled Redis see.
func stall(start time.Time) *witness.Witness {
	var calls []witness.Call
	for i := range 30 {
		at := time.Duration(i) * time.Second / 2
		calls = append(calls, witness.Call{End: start.Add(-at - 1), Took: 8 * time.Millisecond}, witness.Call{End: start.Add(at), Took: 210 * time.Millisecond})
	}
	return &witness.Witness{Sights: []witness.Sight{witness.See("service-e → service-m", calls, start, start.Add(time.Minute))}}
}

// What was seen of each fault that TCP cannot see is told, and so is one that did nothing.
func TestWitnessIsTold(t *testing.T) {
	r := example()
	var table, shown bytes.Buffer
	require.NoError(t, Print(&table, r.Score))
	const saw = "redis-stall, workload service-m; service-e → service-m: p50 8 ms → 210 ms, p90 8 ms → 210 ms, failed 0 of 30 → 0 of 30\n"
	require.Contains(t, table.String(), saw)
	require.Contains(t, table.String(), "1, of 1 faults  ")
	require.NoError(t, page.Execute(&shown, r.sheet()))
	require.Contains(t, shown.String(), "TCP cannot see it; service-e → service-m: p50 8 ms → 210 ms")

	r.Injections[2].Witness.Sights[0].During = r.Injections[2].Witness.Sights[0].Before
	r.rate()
	table.Reset()
	require.NoError(t, Print(&table, r.Score))
	require.Contains(t, table.String(), "0 of 30 → 0 of 30; it did nothing\n")
	require.Contains(t, table.String(), "1, of 0 faults; 1 more did nothing: left out")

	r.Injections[2].Witness = nil
	r.rate()
	table.Reset()
	require.NoError(t, Print(&table, r.Score))
	require.Contains(t, table.String(), "1, of 1 faults, 1 without a witness")
}

func TestPage(t *testing.T) {
	r := example()
	var out bytes.Buffer
	require.NoError(t, page.Execute(&out, r.sheet()))
	shown := out.String()
	for _, want := range []string{
		"The collector took 0.05 CPUs and 128 MiB (at most 256), the shop 0.95 CPUs and 896 MiB: 5 % and 12 % are the collector&#39;s. Of 2 CPUs 1.50 were busy.",
		"<td>recall<td>≥ 0.95<td>1/2 = 0.50 (0.09–0.91)<td class=\"no\">no",
		"<td>refused<td>workload service-d<td>tcp_connect_refused<td colspan=\"6\" class=\"no\">missed",
		"<td>loss-3<td>pair service-j → service-k<td>tcp_retransmit_rise or tcp_tail_loss<td>15 s<td>5 s<td class=\"yes\">tcp_tail_loss<td>rank 1<td>0.25<td>1",
		"<td>tcp_zero_window<td>Invented",
		"<tr><td>refused<td>1<td>0/1<br><small>0.00–0.79</small><td>–<td>–<td>–<td>–<td>0/1",
		"<title>Lost &lt;b&gt;</title>",
		">15 min</text>",
	} {
		require.Contains(t, shown, want)
	}
	require.Equal(t, map[string]int{"#27ae60": 1, "#c0392b": 2, "#7f8c8d": 1, "#2980b9": 1}, colours(t, shown))
}

// colours counts the bars of the picture, which is well-formed.
func colours(t *testing.T, shown string) map[string]int {
	t.Helper()
	svg := shown[strings.Index(shown, "<svg"):strings.Index(shown, "</svg>")] + "</svg>"
	all := make(map[string]int)
	for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			for _, a := range start.Attr {
				if a.Name.Local == "fill" {
					all[a.Value]++
				}
			}
		}
	}
}

func TestCheck(t *testing.T) {
	r := example()
	require.NoError(t, Check(r))
	r.Problems = r.Problems[1:]
	r.rate()
	require.EqualError(t, Check(r), "check drill: of 2 faults that can be seen none was found")
}

// What is written is read again, and scored alike; a drill agrees with itself, and not
// with one of the same seed that had another plan.
func TestReportIsReadAgain(t *testing.T) {
	r, out := example(), t.TempDir()
	require.NoError(t, r.write(out))
	require.FileExists(t, filepath.Join(out, pageFile))
	again, err := ReadReport(filepath.Join(out, reportFile))
	require.NoError(t, err)
	require.Equal(t, r.Targets, again.Targets)
	require.Equal(t, r.Load, again.Load)
	var table bytes.Buffer
	agree, err := Compare(&table, r, again)
	require.NoError(t, err)
	require.True(t, agree)
	require.Contains(t, table.String(), "AC@1         1/2 = 0.50 (0.09–0.91)  1/2 = 0.50 (0.09–0.91)  true")
	again.Plan.Length++
	agree, err = Compare(io.Discard, r, again)
	require.NoError(t, err)
	require.False(t, agree)
	require.NoError(t, Print(&table, r.Score))
	require.Contains(t, table.String(), "missed: 13:51:40 refused, workload service-d")
	require.Regexp(t, `CLOSED  TYPE .*\n(.*\n)+loss-3 .* 45 s `, table.String())
	require.Regexp(t, `traffic: below 1,000 segments a tick +1 +0/1 `, table.String())
	require.NoError(t, os.WriteFile(filepath.Join(out, reportFile), []byte("{"), 0o644))
	_, err = ReadReport(filepath.Join(out, reportFile))
	require.Error(t, err)
}

// A drill is scored with what its plan said, whatever the catalogue says today. What is not
// in the plan, and in plans from before they said it, is the catalogue's.
func TestScoredByThePlan(t *testing.T) {
	r, out := example(), t.TempDir()
	for _, one := range r.Injections {
		r.Plan.Steps = append(r.Plan.Steps, Step{Spec: one.Spec}.expecting())
	}
	r.rate()
	require.Equal(t, Check(r), Check(example()))
	r.Plan.Steps[0].Expect = []string{"tcp_something_else"}
	r.Plan.Steps[1].Expect = []string{} // refusals cannot be seen, says this plan
	r.Plan.Steps[2].Expect = []string{"tcp_zero_window"}
	require.NoError(t, r.write(out))
	again, err := ReadReport(filepath.Join(out, reportFile))
	require.NoError(t, err)
	outcomes := again.Score.Outcomes
	require.True(t, outcomes[0].Detected)
	require.False(t, outcomes[0].Right)
	require.Empty(t, outcomes[1].Fault.Expect)
	require.True(t, outcomes[2].Right)
	require.Equal(t, 2, again.Summaries[0].Recall.Of)
	require.Empty(t, again.Score.False)

	for i := range r.Plan.Steps {
		r.Plan.Steps[i].Expect = nil
	}
	r.Plan.Steps = r.Plan.Steps[:2] // a console injected the third
	require.NoError(t, r.write(out))
	again, err = ReadReport(filepath.Join(out, reportFile))
	require.NoError(t, err)
	require.Equal(t, []string{"tcp_connect_refused"}, again.Plan.Steps[1].Expect)
	require.Equal(t, example().Targets, again.Targets)
	require.Len(t, again.Score.Outcomes, 3)
}
