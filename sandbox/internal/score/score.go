// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

import (
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
)

// An Outcome is what became of one fault.
type Outcome struct {
	Fault      Fault         `json:"fault"`
	Detected   bool          `json:"detected"`
	Delay      time.Duration `json:"delay"`       // from the fault's start
	OnsetError time.Duration `json:"onset_error"` // later than the fault's start; negative is earlier
	CloseDelay time.Duration `json:"close_delay"` // from the fault's end; 0 if it was not closed
	Type       string        `json:"type"`
	Right      bool          `json:"right"`  // the type is
	Level      bool          `json:"level"`  // the kind of the root is right
	Rank       int           `json:"rank"`   // of the fault's place among the candidates, 0 if it is not there
	Impact     float64       `json:"impact"` // Jaccard
	Problems   []string      `json:"problems"`
}

// A Score is all of them.
type Score struct {
	Outcomes []Outcome     `json:"outcomes"`
	False    []Problem     `json:"false"` // problems of no fault
	Watched  time.Duration `json:"watched"`
}

// Of compares problems with the faults of the time that was watched.
func Of(faults []Fault, problems []Problem, watched time.Duration) Score {
	s := Score{Watched: watched}
	for _, f := range faults {
		s.Outcomes = append(s.Outcomes, Outcome{Fault: f})
	}
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Detected.Compare(b.Detected) })
	for i := range problems {
		p := &problems[i]
		o := s.owner(p)
		switch {
		case o == nil:
			if !s.allowed(p) {
				s.False = append(s.False, *p)
			}
		case o.Detected:
			o.Problems = append(o.Problems, p.ID)
		default:
			o.detect(p)
		}
	}
	return s
}

// owner is the fault that a problem is of: of several at once the one whose place, then
// whose type it names, then the latest. A fault that TCP cannot see is nobody's.
func (s *Score) owner(p *Problem) *Outcome {
	var best *Outcome
	points := -1
	for i := range s.Outcomes {
		o := &s.Outcomes[i]
		f := &o.Fault
		if len(f.Expect) == 0 || !p.of(f) {
			continue
		}
		now := 0
		if p.right(f) {
			now += 2
		}
		if p.rank(f) > 0 {
			now += 3
		}
		if now > points || now == points && f.Start.After(best.Fault.Start) {
			best, points = o, now
		}
	}
	return best
}

func (s *Score) allowed(p *Problem) bool {
	return slices.ContainsFunc(s.Outcomes, func(o Outcome) bool { return p.about(&o.Fault) && p.allowed(&o.Fault) })
}

func (o *Outcome) detect(p *Problem) {
	f := &o.Fault
	o.Detected, o.Problems = true, append(o.Problems, p.ID)
	o.Delay, o.OnsetError = p.Detected.Sub(f.Start), p.Onset.Sub(f.Start)
	if !p.Closed.IsZero() {
		o.CloseDelay = p.Closed.Sub(f.End)
	}
	o.Type, o.Right, o.Rank = p.Type, p.right(f), p.rank(f)
	o.Level = len(p.Candidates) > 0 && p.Candidates[0].Kind != "" && slices.Contains([]fault.PlaceKind{f.Place.Kind, f.Alias.Kind}, p.Candidates[0].Kind)
	services := slices.Sorted(slices.Values(p.Services))
	o.Impact = Jaccard(f.Impact, slices.Compact(services))
}

// Strays is how many of the false problems were said in time and at the ends of a fault
// that can be seen, with neither its type nor its place.
func (s Score) Strays() (n int) {
	for i := range s.False {
		n += count(slices.ContainsFunc(s.Outcomes, func(o Outcome) bool { return len(o.Fault.Expect) > 0 && s.False[i].about(&o.Fault) }))
	}
	return n
}
