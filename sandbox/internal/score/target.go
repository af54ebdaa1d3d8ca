// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A Target is what a score is to reach, and what it is.
type Target struct {
	Name   string `json:"name"`
	Want   string `json:"want"`
	Figure string `json:"figure"`
	Met    string `json:"met"` // yes, no, or a dash if there was no case
}

// group tells which faults belong together, by the beginnings of their names.
func group(prefixes ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
}

func every(string) bool { return true }

// Targets compares a score with what is wanted of it. A fault that was missed counts as
// one that was never detected, in medians too.
func (s Score) Targets() []Target {
	all, lost := s.Summarise("", every), s.Summarise("", group("loss-"))
	return []Target{
		atLeast("recall", .95, all.Recall),
		atLeast("recall, and of the right type", .95, all.Right),
		atLeast("recall, loss of 1 % and more", 1, s.Summarise("", group("loss-1", "loss-3")).Recall),
		atLeast("precision", .95, s.Precision()),
		s.quiet(),
		s.unseeable(),
		s.median("loss", 25*time.Second, group("loss-")),
		s.median("delay, jitter", time.Minute, group("delay", "jitter")),
		s.median("Nagle, SO_RCVBUF", 20*time.Second, group("nagle", "receive-buffer")),
		s.median("refused, black hole, accept queue", 12*time.Second, group("refused", "mtu-black-hole", "accept-queue")),
		atLeast("AC@1, loss", .95, lost.First),
		atLeast("AC@1", .9, all.First),
		perFault(all),
	}
}

func met(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// String is the share with its counts and its interval.
func (s Share) String() string {
	if s.Of == 0 {
		return "–"
	}
	return fmt.Sprintf("%d/%d = %.2f (%.2f–%.2f)", s.Is, s.Of, s.Value(), s.Low, s.High)
}

func atLeast(name string, want float64, is Share) Target {
	t := Target{Name: name, Want: fmt.Sprintf("≥ %.2f", want), Figure: is.String(), Met: "–"}
	if is.Of > 0 {
		t.Met = met(is.Value() >= want)
	}
	return t
}

// quiet is about a drill that has no faults.
func (s Score) quiet() Target {
	t := Target{Name: "false problems in a quiet hour", Want: "0", Figure: "–", Met: "–"}
	if len(s.Outcomes) == 0 {
		t.Figure = fmt.Sprintf("%d in %v", len(s.False), s.Watched.Round(time.Second))
		if s.Watched >= time.Hour || len(s.False) > 0 { // less is too short to say that it is met
			t.Met = met(len(s.False) == 0)
		}
	}
	return t
}

// unseeable is about faults that TCP cannot see: nothing is to be said of them. One that did
// nothing is no case, for of it there was nothing to invent; what is said of it all the same counts.
func (s Score) unseeable() Target {
	faults, idle, unwitnessed, problems := 0, 0, 0, 0
	for _, o := range s.Outcomes {
		if len(o.Fault.Expect) > 0 {
			continue
		}
		switch o.Fault.Effect {
		case "none":
			idle++
		case "":
			unwitnessed++
			fallthrough
		default:
			faults++
		}
		for i := range s.False {
			problems += count(s.False[i].about(&o.Fault))
		}
	}
	t := Target{Name: "causes invented for what TCP cannot see", Want: "0", Figure: fmt.Sprintf("%d, of %d faults", problems, faults), Met: "–"}
	if unwitnessed > 0 {
		t.Figure += fmt.Sprintf(", %d without a witness", unwitnessed)
	}
	if idle > 0 {
		t.Figure += fmt.Sprintf("; %d more did nothing: left out", idle)
	}
	if faults > 0 || problems > 0 {
		t.Met = met(problems == 0)
	}
	return t
}

// never is the delay of what was not detected.
const never = time.Duration(math.MaxInt64)

func (s Score) median(name string, want time.Duration, wanted func(string) bool) Target {
	var delays []time.Duration
	detected := 0
	for _, o := range s.Outcomes {
		switch {
		case !wanted(o.Fault.Name) || len(o.Fault.Expect) == 0:
		case o.Detected:
			delays, detected = append(delays, o.Delay), detected+1
		default:
			delays = append(delays, never)
		}
	}
	t := Target{Name: "median time to detect: " + name, Want: fmt.Sprintf("≤ %.0f s", want.Seconds()), Figure: "–", Met: "–"}
	if len(delays) == 0 {
		return t
	}
	is := quantile(delays, .5)
	t.Figure, t.Met = fmt.Sprintf("%.0f s, %d of %d detected", is.Seconds(), detected, len(delays)), met(is <= want)
	if is == never {
		t.Figure = fmt.Sprintf("never, %d of %d detected", detected, len(delays))
	}
	return t
}

func perFault(all Summary) Target {
	t := Target{Name: "problems a detected fault", Want: "1.0–1.2", Figure: "–", Met: "–"}
	if all.Recall.Is > 0 {
		t.Figure, t.Met = fmt.Sprintf("%.2f", all.PerFault), met(all.PerFault <= 1.2)
	}
	return t
}
