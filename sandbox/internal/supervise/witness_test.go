// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

var stalled = fault.Spec{Fault: "redis-stall", Place: fault.Place{Kind: fault.Workload, A: "service-m"}}

// took are calls before a fault and in its time.
func took(start time.Time, before, during time.Duration) (all []witness.Call) {
	for i := range 20 {
		ago := time.Duration(i+1) * time.Microsecond
		all = append(all, witness.Call{End: start.Add(-ago), Took: before}, witness.Call{End: start.Add(ago), Took: during})
	}
	return all
}

// The clients of the calls are asked when a fault has ended, of its time and what was before.
func TestWitness(t *testing.T) {
	f, s := supervised(t)
	one, err := s.Inject(stalled)
	require.NoError(t, err)
	require.Equal(t, Unknown, one.Effect())
	require.Empty(t, f.since, "nobody is asked yet")
	s.faults[0].Start = time.Now().Add(-time.Second)
	f.calls = map[string][]witness.Call{"service-m": took(s.faults[0].Start, 8*time.Millisecond, 210*time.Millisecond)}
	one, err = s.Lift(one.ID)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"service-e-0", "service-e-1", "service-i-0", "service-i-1"}, slices.Collect(maps.Keys(f.since)))
	require.Equal(t, one.Start.Add(-witness.Before), f.since["service-e-0"])
	require.Equal(t, Some, one.Effect())
	require.Len(t, one.Witness.Sights, 2)
	require.Equal(t, "service-e → service-m", one.Witness.Sights[0].Call)
	require.Contains(t, one.Witness.String(), "p50 8 ms → 210 ms", "of both kinds of calls: %v", one.Witness)
	require.Equal(t, 40, one.Witness.Sights[0].Before.Number, "of both pods")
}

// A pod that does not answer is no reason not to lift a fault, and that it did not is kept.
func TestWitnessIsSilent(t *testing.T) {
	f, s := supervised(t)
	one, err := s.Inject(stalled)
	require.NoError(t, err)
	f.broken["service-e-0"] = errBroken
	one, err = s.Lift(one.ID)
	require.NoError(t, err)
	require.Equal(t, Ended, one.State())
	require.Equal(t, "it is broken", one.Witness.Silent)
	require.Equal(t, Unknown, one.Effect(), "there were no calls")
}

func TestEffect(t *testing.T) {
	start := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	see := func(during time.Duration) *witness.Witness {
		return &witness.Witness{Sights: []witness.Sight{witness.See("a", took(start, 8*time.Millisecond, during), start, start.Add(time.Minute))}}
	}
	doubled := fault.Spec{Fault: "duplication", Place: lossy.Place}
	for want, all := range map[Effect][]Injection{
		Some: {
			{Spec: stalled, Witness: see(time.Second)},
			{Spec: lossy, Stats: impair.Stats{Dropped: 1}},
			{Spec: doubled, Stats: impair.Stats{Twice: 1}, Witness: see(8 * time.Millisecond)},
		},
		None: {
			{Spec: stalled, Witness: see(8 * time.Millisecond)},
			{Spec: lossy, Stats: impair.Stats{Packets: 1000}, Witness: see(time.Second)}, // that was something else
			{Spec: lossy, Stats: impair.Stats{Packets: 1000}},
		},
		Unknown: {{Spec: stalled}, {Spec: stalled, Witness: &witness.Witness{}}},
	} {
		for _, one := range all {
			require.Equal(t, want, one.Effect(), "%s: %v", one.Fault, one.Witness)
		}
	}
}
