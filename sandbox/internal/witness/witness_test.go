// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	start = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	end   = start.Add(time.Minute)
)

// calls are n that end one after the other from some time on, and take the same time.
func calls(from time.Time, n int, took time.Duration, failed int) (all []Call) {
	for i := range n {
		all = append(all, Call{from.Add(time.Duration(i) * 100 * time.Millisecond), took, i < failed})
	}
	return all
}

func seen(before, during []Call) Sight { return See("a → b", append(before, during...), start, end) }

func TestSight(t *testing.T) {
	usual := calls(start.Add(-10*time.Second), 100, 8*time.Millisecond, 0)
	for name, test := range map[string]struct {
		during        []Call
		known, effect bool
	}{
		"as before":           {calls(start, 100, 8*time.Millisecond, 0), true, false},
		"a little longer":     {calls(start, 100, 15*time.Millisecond, 0), true, false},
		"longer":              {calls(start, 100, 210*time.Millisecond, 0), true, true},
		"every fifth longer":  {append(calls(start, 80, 8*time.Millisecond, 0), calls(start, 20, 400*time.Millisecond, 0)...), true, true},
		"one in fifty longer": {append(calls(start, 98, 8*time.Millisecond, 0), calls(start, 2, 400*time.Millisecond, 0)...), true, false},
		"failing at once":     {calls(start, 100, time.Millisecond, 90), true, true},
		"too few to say":      {calls(start, 5, time.Second, 5), false, false},
		"none in its time":    {calls(end, 100, time.Second, 100), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := seen(usual, test.during)
			require.Equal(t, test.known, s.Known())
			require.Equal(t, test.effect, s.Effect(), s)
		})
	}
	require.Equal(t, "a → b: p50 8 ms → 210 ms, p90 8 ms → 210 ms, failed 0 of 100 → 3 of 100", seen(usual, calls(start, 100, 210*time.Millisecond, 3)).String())
	require.Equal(t, "a → b: too few calls, 100 before and 5 in its time", seen(usual, calls(start, 5, time.Second, 5)).String())
}

// A shop that fails and is slow all the time shows nothing of a fault, and what was long
// ago is not what was before.
func TestSightOfABadShop(t *testing.T) {
	bad := seen(calls(start.Add(-10*time.Second), 100, time.Second, 50), calls(start, 100, time.Second, 50))
	require.True(t, bad.Known())
	require.False(t, bad.Effect())
	old := seen(calls(start.Add(-Before-time.Minute), 100, time.Millisecond, 0), calls(start, 100, time.Second, 0))
	require.False(t, old.Known())
}

func TestWitness(t *testing.T) {
	usual := calls(start.Add(-10*time.Second), 100, 8*time.Millisecond, 0)
	well, slow := seen(usual, calls(start, 100, 9*time.Millisecond, 0)), seen(usual, calls(start, 100, 300*time.Millisecond, 0))
	few := seen(usual, calls(start, 3, 2*time.Second, 3))
	w := Witness{Sights: []Sight{well, slow, few}}
	require.True(t, w.Known())
	require.True(t, w.Effect())
	require.Contains(t, w.String(), "p50 8 ms → 300 ms", "what suffered is told")
	w.Sights = []Sight{few, well}
	require.False(t, w.Effect())
	require.Contains(t, w.String(), "p50 8 ms → 9 ms")
	w.Sights = []Sight{few}
	require.False(t, w.Known())
	require.Equal(t, "nobody saw it", Witness{}.String())
}
