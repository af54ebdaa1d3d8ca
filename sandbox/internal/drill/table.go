// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"text/tabwriter"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
)

// Print writes a score as tables.
func Print(w io.Writer, s score.Score) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(s.Outcomes) > 0 {
		printFaults(t, s)
	}
	_, _ = fmt.Fprintf(t, "\nPrecision %s, %d false problems in %s: %.1f an hour.\n", s.Precision(), len(s.False), s.Watched.Round(time.Second), s.FalsePerHour())
	_, _ = fmt.Fprintf(t, "Of the false problems %d were said in time and at the ends of a fault, with neither its type nor its place.\n", s.Strays())
	for _, p := range s.False {
		_, _ = fmt.Fprintf(t, "  false: %s %s: %s\n", p.Detected.Format(time.TimeOnly), p.Type, p.Title)
	}
	for _, o := range s.Outcomes {
		switch {
		case len(o.Fault.Expect) == 0:
			_, _ = fmt.Fprintf(t, "  unseen by TCP: %s %s, %s%s\n", o.Fault.Start.Format(time.TimeOnly), o.Fault.Name, o.Fault.Place, witnessed(o.Fault))
		case !o.Detected:
			_, _ = fmt.Fprintf(t, "  missed: %s %s, %s%s\n", o.Fault.Start.Format(time.TimeOnly), o.Fault.Name, o.Fault.Place, witnessed(o.Fault))
		case !o.Right:
			_, _ = fmt.Fprintf(t, "  wrong type: %s %s, %s: %s\n", o.Fault.Start.Format(time.TimeOnly), o.Fault.Name, o.Fault.Place, o.Type)
		}
	}
	_, _ = fmt.Fprintln(t, "\nTARGET\tWANTED\tIS\tMET")
	for _, target := range s.Targets() {
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", target.Name, target.Want, target.Figure, target.Met)
	}
	return t.Flush()
}

// witnessed is what is known of a fault's effect.
func witnessed(f score.Fault) (text string) {
	if f.Witness != "" {
		text = "; " + f.Witness
	}
	if f.Effect == "none" {
		text += "; it did nothing"
	}
	return text
}

func printFaults(w io.Writer, s score.Score) {
	_, _ = fmt.Fprintln(w, "FAULT\tN\tDETECTED\tDELAY p50\tp90\tONSET OFF\tCLOSED\tTYPE\tAC@1\tAC@3\tLEVEL\tIMPACT\tPROBLEMS/FAULT")
	for _, sum := range Summaries(s) {
		if sum.Faults == sum.Quiet {
			_, _ = fmt.Fprintf(w, "%s\t%d\tnot expected\t\t\t\t\t\t\t\t\t\t\n", sum.Name, sum.Faults)
			continue
		}
		told := func(s string) string { // of none there is nothing to tell
			if sum.Recall.Is == 0 {
				return "–"
			}
			return s
		}
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", sum.Name, sum.Faults,
			of(sum.Recall), told(seconds(sum.Delay)), told(seconds(sum.Delay90)), told(seconds(sum.Onset)), told(seconds(sum.Close)),
			of(sum.Right), of(sum.First), of(sum.Third), of(sum.Level),
			told(fmt.Sprintf("%.2f", sum.Impact)), told(fmt.Sprintf("%.1f", sum.PerFault)))
	}
}

// Compare sets two drills beside each other: whether they had one plan, and whether their
// shares agree within their intervals. One that was stopped before its first fault agrees
// with nothing.
func Compare(w io.Writer, a, b Report) (agree bool, err error) {
	agree = a.Plan.Seed != b.Plan.Seed || reflect.DeepEqual(a.Plan, b.Plan)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(t, "Plan %q, seed %d, and plan %q, seed %d: the same: %t.\n\n", a.Plan.Name, a.Plan.Seed, b.Plan.Name, b.Plan.Seed, reflect.DeepEqual(a.Plan, b.Plan))
	_, _ = fmt.Fprintln(t, "SHARE\tFIRST\tSECOND\tAGREE")
	known := 0
	for _, one := range score.Compare(a.Score, b.Score) {
		text := "–"
		if one.Known() {
			known++
			agree = agree && one.Agree()
			text = fmt.Sprint(one.Agree())
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", one.Name, one.A, one.B, text)
	}
	if err := t.Flush(); err != nil {
		return false, err
	}
	if known == 0 && len(a.Plan.Steps)+len(b.Plan.Steps) > 0 {
		return false, errors.New("compare reports: there is no share that both have cases of")
	}
	return agree, nil
}

// of is a share with its interval, in brief.
func of(s score.Share) string { return fmt.Sprintf("%d/%d %.2f–%.2f", s.Is, s.Of, s.Low, s.High) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }
