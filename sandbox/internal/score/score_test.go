// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
)

var (
	pair  = fault.Place{Kind: fault.Pair, A: "j", B: "k"}
	back  = fault.Place{Kind: fault.Pair, A: "k", B: "j"}
	place = fault.Place{Kind: fault.Pod, A: "k-0"}

	ends = []string{"j", "j-0", "k", "k-0"}
)

func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func loss(start, end int) Fault {
	return Fault{Name: "loss", Place: pair, Start: at(start), End: at(end), Expect: []string{"rise", "tail"}, Impact: []string{"a", "j", "k"}, Ends: ends}
}

func said(id, kind string, detected int, candidates ...fault.Place) Problem {
	return Problem{ID: id, Type: kind, Detected: at(detected), Onset: at(detected - 5), Closed: at(detected + 60), Candidates: candidates, Services: []string{"k", "j"}}
}

func TestDetection(t *testing.T) {
	s := Of([]Fault{loss(100, 160)}, []Problem{said("2", "tail", 130, place), said("1", "rise", 115, place, back)}, time.Hour)
	require.Empty(t, s.False)
	o := s.Outcomes[0]
	require.True(t, o.Detected)
	require.Equal(t, 15*time.Second, o.Delay)
	require.Equal(t, 10*time.Second, o.OnsetError)
	require.Equal(t, 15*time.Second, o.CloseDelay)
	require.Equal(t, []string{"1", "2"}, o.Problems, "the second is a duplicate")
	require.True(t, o.Right)
	require.Equal(t, 2, o.Rank, "a pair is the same from both ends")
	require.False(t, o.Level)
	require.InDelta(t, 2./3, o.Impact, 1e-9)
}

func TestEdgesOfTime(t *testing.T) {
	for detected, is := range map[int]bool{99: false, 100: true, 220: true, 221: false} {
		s := Of([]Fault{loss(100, 160)}, []Problem{said("1", "rise", detected, pair)}, time.Hour)
		require.Equal(t, is, s.Outcomes[0].Detected, "detected at %d", detected)
		require.Len(t, s.False, map[bool]int{true: 0, false: 1}[is])
	}
}

// A fault that TCP cannot see must not be explained by the network.
func TestInventedCause(t *testing.T) {
	stall := Fault{Name: "stall", Place: place, Start: at(100), End: at(160), Allow: []string{"zero"}, Ends: ends}
	s := Of([]Fault{stall}, []Problem{said("1", "rise", 110, place), said("2", "zero", 110, place), said("3", "zero", 110, pair)}, 2*time.Hour)
	require.False(t, s.Outcomes[0].Detected)
	require.Len(t, s.False, 2, "only what is allowed, there, is not false")
	require.InDelta(t, 1, s.FalsePerHour(), 1e-9)
	require.Equal(t, 0, s.Summarise("", every).Recall.Of)
}

// What is said of others while a fault is there is not the fault's, and so false.
func TestElsewhere(t *testing.T) {
	f := loss(100, 160)
	elsewhere := fault.Place{Kind: fault.Pair, A: "a", B: "j"}
	s := Of([]Fault{f}, []Problem{said("1", "rise", 110, elsewhere)}, time.Hour)
	require.False(t, s.Outcomes[0].Detected, "of a call of the fault's only one end is there")
	require.Len(t, s.False, 1)
	s = Of([]Fault{f}, []Problem{said("1", "rise", 110, elsewhere, place)}, time.Hour)
	require.True(t, s.Outcomes[0].Detected, "a pod of one end is near")
	require.Empty(t, s.False)
}

// Who is at the right end at the right time but says neither what nor where it is has not
// found the fault, neither first nor later.
func TestNeitherTypeNorPlace(t *testing.T) {
	stray, found := said("1", "reset", 110, place), said("2", "rise", 120, place)
	s := Of([]Fault{loss(100, 160)}, []Problem{stray}, time.Hour)
	require.False(t, s.Outcomes[0].Detected)
	require.Equal(t, []Problem{stray}, s.False)
	require.Equal(t, 1, s.Strays())
	stray.Detected = at(130)
	s = Of([]Fault{loss(100, 160)}, []Problem{found, stray, said("3", "reset", 140, pair), said("4", "reset", 500, pair)}, time.Hour)
	require.Equal(t, []string{"2", "3"}, s.Outcomes[0].Problems, "its place alone is enough")
	require.Len(t, s.False, 2)
	require.Equal(t, 1, s.Strays(), "the other is out of time")
}

func TestAnyoneBetweenNodes(t *testing.T) {
	f := loss(100, 160)
	f.Place, f.Ends = fault.Place{Kind: fault.Node, A: "n"}, []string{"k", "k-0", "n"}
	var storm []Problem
	for i := range 50 {
		storm = append(storm, said(string(rune('A'+i)), "rise", 110, fault.Place{Kind: fault.Workload, A: "nobody"}))
	}
	s := Of([]Fault{f}, storm, time.Hour)
	require.False(t, s.Outcomes[0].Detected)
	require.Len(t, s.False, 50)
	for _, c := range []fault.Place{pair, place, {Kind: "node_pair", A: "m", B: "n"}} {
		require.True(t, Of([]Fault{f}, []Problem{said("1", "rise", 110, c)}, time.Hour).Outcomes[0].Detected, "%s has one end there", c)
	}
}

func TestTwoNames(t *testing.T) {
	f := loss(100, 160)
	f.Place, f.Alias = fault.Place{Kind: fault.ZonePair, A: "y", B: "z"}, fault.Place{Kind: fault.Node, A: "n"}
	f.Ends = []string{"k", "k-0", "n", "z"}
	for _, root := range []fault.Place{f.Alias, {Kind: fault.ZonePair, A: "z", B: "y"}} {
		o := Of([]Fault{f}, []Problem{said("1", "rise", 110, root)}, time.Hour).Outcomes[0]
		require.Equal(t, 1, o.Rank)
		require.True(t, o.Level)
	}
	f.Alias = fault.Place{}
	require.False(t, Of([]Fault{f}, []Problem{said("1", "rise", 110, fault.Place{}, place)}, time.Hour).Outcomes[0].Level, "no root is of no kind")
	o := Of([]Fault{f}, []Problem{said("1", "rise", 110, place)}, time.Hour).Outcomes[0]
	require.Zero(t, o.Rank)
	require.False(t, o.Level)
}

// Of two faults at once each gets the problem that names it, in whatever order.
func TestTwoAtOnce(t *testing.T) {
	other := Fault{Name: "refused", Place: place, Start: at(101), End: at(160), Expect: []string{"refused"}, Ends: ends}
	for _, problems := range [][]Problem{
		{said("1", "rise", 110, pair), said("2", "refused", 112, place)},
		{said("2", "refused", 110, place), said("1", "rise", 112, pair)},
	} {
		s := Of([]Fault{loss(100, 160), other}, problems, time.Hour)
		require.Equal(t, []string{"1"}, s.Outcomes[0].Problems)
		require.Equal(t, []string{"2"}, s.Outcomes[1].Problems)
	}
}

func TestSummary(t *testing.T) {
	faults := []Fault{loss(100, 160), loss(400, 460), loss(700, 760)}
	s := Of(faults, []Problem{said("1", "rise", 110, pair), said("2", "other", 430, place, pair), said("3", "rise", 300, pair)}, time.Hour)
	sum := s.Summarise("all", every)
	require.Equal(t, NewShare(2, 3), sum.Recall)
	require.Equal(t, NewShare(1, 3), sum.Right)
	require.Equal(t, NewShare(1, 3), sum.First, "what was missed is not localised")
	require.Equal(t, NewShare(2, 3), sum.Third)
	require.InDelta(t, .6, sum.Average, 1e-9)
	require.Equal(t, 10*time.Second, sum.Delay)
	require.Equal(t, 30*time.Second, sum.Delay90)
	require.Equal(t, 10*time.Second, sum.Close)
	require.Equal(t, NewShare(2, 3), s.Precision())
	require.Zero(t, s.Summarise("none", func(string) bool { return false }).Faults)
}

// The values are of the formula's textbook examples.
func TestWilson(t *testing.T) {
	s := NewShare(10, 10)
	require.InDelta(t, .7225, s.Low, 1e-4)
	require.InDelta(t, 1, s.High, 1e-9)
	s = NewShare(1, 20)
	require.InDelta(t, .0089, s.Low, 1e-4)
	require.InDelta(t, .2361, s.High, 1e-4)
	require.Equal(t, Share{High: 1}, NewShare(0, 0))
}
