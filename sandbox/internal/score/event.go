// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

import (
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
)

// grace is how long after its end a fault may still be detected.
const grace = time.Minute

// A Fault is what was done.
type Fault struct {
	Name     string      `json:"name"`
	Place    fault.Place `json:"place"`
	Start    time.Time   `json:"start"`
	End      time.Time   `json:"end"`
	Expect   []string    `json:"expect"`          // types of problems that are right; none: TCP cannot see it
	Allow    []string    `json:"allow,omitempty"` // types that are true, too, but need not be said
	Impact   []string    `json:"impact"`          // services that it reaches, sorted
	Alias    fault.Place `json:"alias,omitzero"`  // another name for the place
	Segments float64     `json:"segments"`        // with data, in a tick of 5 s, of the calls that it is in
	Ends     []string    `json:"ends,omitempty"`  // names of what its packets or calls end at

	// What the clients of the calls saw that it was in, and whether it did anything: "some",
	// "none", or nothing if that is not known.
	Witness string `json:"witness,omitempty"`
	Effect  string `json:"effect,omitempty"`
}

// A Problem is what was said.
type Problem struct {
	ID         string        `json:"id"`
	Type       string        `json:"type"`
	Title      string        `json:"title"`
	Detected   time.Time     `json:"detected"`
	Onset      time.Time     `json:"onset"`
	Closed     time.Time     `json:"closed,omitzero"` // zero: it was still open
	Candidates []fault.Place `json:"candidates"`      // the root first
	Services   []string      `json:"services"`
}

// of tells whether a problem is a fault's: it can be, and it names its type or its place.
func (p *Problem) of(f *Fault) bool { return p.about(f) && (p.right(f) || p.rank(f) > 0) }

// about tells whether a problem can be a fault's: it was detected in its time, and one of
// its candidates is an end of a call that the fault is in, or such a call. In time alone
// would not do: while a drill runs it is nearly always some fault's time.
func (p *Problem) about(f *Fault) bool {
	return !p.Detected.Before(f.Start) && !p.Detected.After(f.End.Add(grace)) && slices.ContainsFunc(p.Candidates, f.touches)
}

// touches tells whether a place is at the fault's ends. A call between nodes is there with
// one end under the fault's place; another call with both.
func (f *Fault) touches(c fault.Place) bool {
	a, b := slices.Contains(f.Ends, c.A), slices.Contains(f.Ends, c.B)
	if f.Place.Kind == fault.Node || f.Place.Kind == fault.ZonePair {
		return a || b
	}
	return a && (b || c.B == "")
}

// allowed tells whether what it says is true of the fault though nobody expects it.
func (p *Problem) allowed(f *Fault) bool { return slices.Contains(f.Allow, p.Type) && p.rank(f) > 0 }

// right tells whether it is of a type that is right.
func (p *Problem) right(f *Fault) bool { return slices.Contains(f.Expect, p.Type) }

// rank is the place of the fault among the candidates, from 1; 0 if it is not there.
func (p *Problem) rank(f *Fault) int {
	return 1 + slices.IndexFunc(p.Candidates, func(c fault.Place) bool { return f.at(c) })
}

// at tells whether that is where it was.
func (f *Fault) at(p fault.Place) bool {
	return same(p, f.Place) || f.Alias.Kind != "" && same(p, f.Alias)
}

// same compares places; a pair is the same from both ends.
func same(a, b fault.Place) bool {
	return a == b || a.Kind == b.Kind && a.A == b.B && a.B == b.A
}

// Jaccard is the share of what two sorted sets have in common.
func Jaccard(a, b []string) float64 {
	common := 0
	for _, x := range a {
		if slices.Contains(b, x) {
			common++
		}
	}
	if all := len(a) + len(b) - common; all > 0 {
		return float64(common) / float64(all)
	}
	return 1
}
