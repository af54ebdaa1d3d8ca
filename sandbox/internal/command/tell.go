// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/drill"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

// tell says in plain words what was found of a plan's first fault, and what was true.
func tell(w io.Writer, r drill.Report) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	truth, o := first(r)
	switch {
	case truth == nil:
		say("It was stopped before the fault began.")
		return
	case o == nil:
		say("The fault did not begin: %s", truth.Failed)
		return
	}
	say("\nThe truth: from %s on, %d of %d packets between %s and %s were lost; %d services are reached.",
		truth.Start.Format(time.TimeOnly), truth.Stats.Dropped, truth.Stats.Packets, truth.Place.A, truth.Place.B, len(o.Fault.Impact))
	if !o.Detected {
		say("The collector found nothing in %v.", r.End.Sub(truth.Start).Round(time.Second))
	}
	for _, p := range r.Problems {
		if len(o.Problems) > 0 && p.ID == o.Problems[0] {
			say("The collector said after %.0f s: %s\n  type %s (%s), root %s (%s), services %s (%.0f %% in common with the truth)",
				o.Delay.Seconds(), p.Title, p.Type, yes(o.Right), root(p), yes(o.Rank == 1), strings.Join(p.Services, " "), 100*o.Impact)
			say("The talk's three minutes are 180 s.")
		}
	}
	say("Other problems of the same fault: %d. False problems: %d.\n%s", max(0, len(o.Problems)-1), len(r.Score.False), r.Load)
}

// first is the plan's first fault as it was injected, and what became of it; the latter is
// nil if it did not begin, both are if it was not begun.
func first(r drill.Report) (*supervise.Injection, *score.Outcome) {
	at := slices.IndexFunc(r.Injections, func(i supervise.Injection) bool { return i.Spec == r.Plan.Steps[0].Spec })
	if at < 0 {
		return nil, nil
	}
	truth := &r.Injections[at]
	at = slices.IndexFunc(r.Score.Outcomes, func(o score.Outcome) bool {
		return o.Fault.Name == truth.Fault && o.Fault.Start.Equal(truth.Start)
	})
	if at < 0 {
		return truth, nil
	}
	return truth, &r.Score.Outcomes[at]
}

func root(p score.Problem) string {
	if len(p.Candidates) == 0 {
		return "none"
	}
	return p.Candidates[0].String()
}

func yes(right bool) string {
	if right {
		return "right"
	}
	return "wrong"
}
