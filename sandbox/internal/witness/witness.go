// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package witness tells whether a fault did anything, by what the shop's own clients saw of
// their calls before it and in its time. It knows nothing of TCP: of what TCP cannot see
// there must be a witness too, or nothing said of it would prove nothing.
package witness

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// A Call is one that has ended, as who made it saw it.
type Call struct {
	End    time.Time     `json:"end"`
	Took   time.Duration `json:"took"`
	Failed bool          `json:"failed,omitempty"`
}

// Calls are those of some time; one that failed took its time too.
type Calls struct {
	Number int           `json:"number"`
	Failed int           `json:"failed"`
	P50    time.Duration `json:"p50"`
	P90    time.Duration `json:"p90"`
}

func count(calls []Call, from, to time.Time) (c Calls) {
	var took []time.Duration
	for _, one := range calls {
		if one.End.Before(from) || !one.End.Before(to) {
			continue
		}
		took = append(took, one.Took)
		c.Number++
		if one.Failed {
			c.Failed++
		}
	}
	slices.Sort(took)
	c.P50, c.P90 = quantile(took, .5), quantile(took, .9)
	return c
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

func (c Calls) failing() float64 { return float64(c.Failed) / float64(max(1, c.Number)) }

// A Sight is what clients of one kind of calls saw.
type Sight struct {
	Call   string `json:"call"`
	Before Calls  `json:"before"`
	During Calls  `json:"during"`
}

// Before is how long before a fault calls are looked at: as long as the shortest quiet that
// a plan has between faults.
const Before = 20 * time.Second

// See sums up calls before and in a fault's time.
func See(call string, calls []Call, start, end time.Time) Sight {
	return Sight{call, count(calls, start.Add(-Before), start), count(calls, start, end)}
}

// What is needed to say that a fault did something, or that it did nothing. A machine that
// is busy otherwise alone makes calls half as long again.
const (
	enough  = 20 // calls, before and in the fault's time
	times   = 2
	longer  = 10 * time.Millisecond
	failing = .05 // more of all calls
)

// Known tells whether there were enough calls to say anything.
func (s Sight) Known() bool { return s.Before.Number >= enough && s.During.Number >= enough }

// Effect tells whether calls took much longer, or failed much more often.
func (s Sight) Effect() bool {
	rose := func(a, b time.Duration) bool { return b >= times*a && b >= a+longer }
	return s.Known() && (s.fails() || rose(s.Before.P50, s.During.P50) || rose(s.Before.P90, s.During.P90))
}

func (s Sight) fails() bool { return s.During.failing() >= s.Before.failing()+failing }

// String is what a person reads.
func (s Sight) String() string {
	if !s.Known() {
		return fmt.Sprintf("%s: too few calls, %d before and %d in its time", s.Call, s.Before.Number, s.During.Number)
	}
	return fmt.Sprintf("%s: p50 %s → %s, p90 %s → %s, failed %d of %d → %d of %d", s.Call,
		millis(s.Before.P50), millis(s.During.P50), millis(s.Before.P90), millis(s.During.P90),
		s.Before.Failed, s.Before.Number, s.During.Failed, s.During.Number)
}

func millis(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.3g s", d.Seconds())
	}
	return fmt.Sprintf("%.3g ms", float64(d)/1e6)
}

// A Witness is what was seen of all calls that a fault is in.
type Witness struct {
	Sights []Sight `json:"sights"`
	Silent string  `json:"silent,omitempty"` // why some clients said nothing
}

// Known tells whether anything can be said.
func (w Witness) Known() bool { return slices.ContainsFunc(w.Sights, Sight.Known) }

// Effect tells whether any of these calls suffered.
func (w Witness) Effect() bool { return slices.ContainsFunc(w.Sights, Sight.Effect) }

// String is the sight in which most is seen.
func (w Witness) String() string {
	if len(w.Sights) == 0 {
		return "nobody saw it"
	}
	return slices.MaxFunc(w.Sights, func(a, b Sight) int {
		return cmp.Or(compare(a.Effect(), b.Effect()), compare(a.Known(), b.Known()), compare(a.fails(), b.fails()),
			cmp.Compare(a.During.P90-a.Before.P90, b.During.P90-b.Before.P90))
	}).String()
}

func compare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
