// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

// A Report is all that is known about a drill.
type Report struct {
	Plan       Plan                  `json:"plan"`
	Start      time.Time             `json:"start"`
	End        time.Time             `json:"end"`
	Usage      Usage                 `json:"collector"`
	Injections []supervise.Injection `json:"injections"`
	Problems   []score.Problem       `json:"problems"`
	Score      score.Score           `json:"score"`
	Summaries  []score.Summary       `json:"summaries"` // the first is of all faults
}

// rate scores what was said by what was done.
func (r *Report) rate() {
	r.Score = score.Of(truths(shop.Standard(), r.Injections, r.End), r.Problems, r.End.Sub(r.Start))
	r.Summaries = Summaries(r.Score)
}

func (r *Report) write(out string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(out, reportFile), raw, 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return r.writePage(filepath.Join(out, pageFile))
}

// ReadReport reads a report that was written, and scores it by the rules of today, so that
// those of two drills can be compared.
func ReadReport(path string) (r Report, err error) {
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read report %s: %w", path, err)
	}
	r.rate()
	return r, nil
}

// Pool is the score of several drills together.
func Pool(reports []Report) (s score.Score) {
	for _, r := range reports {
		s.Outcomes = append(s.Outcomes, r.Score.Outcomes...)
		s.False = append(s.False, r.Score.False...)
		s.Watched += r.Score.Watched
	}
	return s
}

// Summaries are the score of all faults, and then of each kind.
func Summaries(s score.Score) []score.Summary {
	all := []score.Summary{s.Summarise("all", func(string) bool { return true })}
	var names []string
	for _, o := range s.Outcomes {
		names = append(names, o.Fault.Name)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		all = append(all, s.Summarise(name, func(fault string) bool { return fault == name }))
	}
	return all
}

// Print writes a score as tables.
func Print(w io.Writer, s score.Score) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "FAULT\tN\tDETECTED\t95 %\tDELAY p50\tp90\tONSET OFF\tTYPE\tAC@1\tAC@3\tLEVEL\tIMPACT\tPROBLEMS/FAULT")
	for _, sum := range Summaries(s) {
		if sum.Faults == sum.Quiet {
			_, _ = fmt.Fprintf(t, "%s\t%d\tnot expected\n", sum.Name, sum.Faults)
			continue
		}
		_, _ = fmt.Fprintf(t, "%s\t%d\t%s\t%.2f–%.2f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.2f\t%.1f\n", sum.Name, sum.Faults,
			of(sum.Recall), sum.Recall.Low, sum.Recall.High, seconds(sum.Delay), seconds(sum.Delay90), seconds(sum.Onset),
			of(sum.Right), of(sum.First), of(sum.Third), of(sum.Level), sum.Impact, sum.PerFault)
	}
	precision := s.Precision()
	_, _ = fmt.Fprintf(t, "\nPrecision %s (%.2f–%.2f), %d false problems in %s: %.1f an hour.\n", of(precision), precision.Low, precision.High,
		len(s.False), s.Watched.Round(time.Second), s.FalsePerHour())
	for _, p := range s.False {
		_, _ = fmt.Fprintf(t, "  false: %s %s: %s\n", p.Detected.Format(time.TimeOnly), p.Type, p.Title)
	}
	for _, o := range s.Outcomes {
		if len(o.Fault.Expect) > 0 && !o.Detected {
			_, _ = fmt.Fprintf(t, "  missed: %s %s, %s\n", o.Fault.Start.Format(time.TimeOnly), o.Fault.Name, o.Fault.Place)
		}
	}
	return t.Flush()
}

func of(s score.Share) string { return fmt.Sprintf("%d/%d", s.Is, s.Of) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }
