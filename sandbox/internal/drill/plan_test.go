// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

func TestSeedDecides(t *testing.T) {
	require.Equal(t, Full(7), Full(7))
	require.NotEqual(t, Full(7).Steps, Full(8).Steps)
}

func TestFullHasEveryKind(t *testing.T) {
	s, p := shop.Standard(), Full(7)
	seen := make(map[string]bool)
	for i, step := range p.Steps {
		_, err := step.Plan(s)
		require.NoError(t, err)
		seen[step.Fault] = true
		require.Less(t, step.At+step.For, p.Length)
		if i > 0 && step.At < p.Steps[i-1].At+p.Steps[i-1].For {
			require.NotContains(t, []fault.PlaceKind{fault.Node, fault.ZonePair}, step.Place.Kind)
			for _, service := range step.Touched(s) {
				require.NotContains(t, p.Steps[i-1].Touched(s), service, "two faults at once touch one service")
			}
		}
	}
	for _, kind := range fault.Kinds() {
		require.True(t, seen[kind.Name], "no %s", kind.Name)
	}
	require.LessOrEqual(t, p.Length, 75*time.Minute, "%d faults", len(p.Steps))
	t.Logf("%d faults in %v", len(p.Steps), p.Length)
}

// Every class and kind of fault is in each plan, whatever the seed is, and every kind of
// place has been had by what can be there after a few of them.
func TestSeedsCoverAll(t *testing.T) {
	missing := make(map[string]bool)
	for _, kind := range fault.Kinds() {
		for _, place := range kind.Places {
			missing[kind.Name+" "+string(place)] = true
		}
	}
	for seed := range uint64(60) {
		p, classes := Full(seed), make(map[string]bool)
		require.LessOrEqual(t, p.Length, 75*time.Minute)
		for _, step := range p.Steps {
			kind, err := fault.Find(step.Fault)
			require.NoError(t, err)
			classes[kind.Class] = true
			delete(missing, step.Fault+" "+string(step.Place.Kind))
		}
		require.Len(t, classes, 6, "seed %d", seed)
	}
	require.Empty(t, missing)
}

// These stand at one place whatever the seed is, for the shop has no other: two zones, one
// Redis, one call far enough for a small buffer to cost time, and one whose requests fill
// the window of who does not read. README.md says so; all others have a choice.
func TestOnePlaceOnly(t *testing.T) {
	s := shop.Standard()
	zones, far := "zone_pair zone-1 → zone-2", "workload service-n"
	want := map[string]string{
		"receive-buffer-listener": far, "receive-buffer-accepted": far, "slow-reader": far, "stopped-reader": far,
		"redis-stall": "workload service-m",
	}
	only := make(map[string]string)
	for _, kind := range fault.Kinds() {
		for _, place := range kind.Places {
			all := places(s, kind.Name, place)
			switch {
			case place == fault.ZonePair:
				require.Len(t, all, 1)
				require.Equal(t, zones, all[0].String())
			case len(all) == 1:
				only[kind.Name] = all[0].String()
			}
		}
	}
	require.Equal(t, want, only, "say so in README.md")

	drawn := make(map[string]map[fault.Place]bool) // by fault and kind of place
	for seed := range uint64(60) {
		for _, step := range Full(seed).Steps {
			name := step.Fault + " " + string(step.Place.Kind)
			if drawn[name] == nil {
				drawn[name] = make(map[fault.Place]bool)
			}
			drawn[name][step.Place] = true
		}
	}
	for name, places := range drawn {
		kind, place, _ := strings.Cut(name, " ")
		alone := place == string(fault.ZonePair) || place == string(fault.Workload) && only[kind] != ""
		require.Equal(t, alone, len(places) == 1, "%s: seeds have it at %v", name, places)
	}
}

// A plan is the same on every machine and in every version that calls itself the same: what
// was drilled can be drilled again. What is expected of it is not in the sum.
func TestPlanOfSeed(t *testing.T) {
	type step struct {
		fault.Spec
		At  time.Duration `json:"at"`
		For time.Duration `json:"for"`
	}
	plan := Full(1)
	var steps []step
	for _, s := range plan.Steps {
		steps = append(steps, step{s.Spec, s.At, s.For})
	}
	raw, err := json.Marshal(struct {
		Name   string        `json:"name"`
		Seed   uint64        `json:"seed"`
		Steps  []step        `json:"steps"`
		Length time.Duration `json:"length"`
	}{plan.Name, plan.Seed, steps, plan.Length})
	require.NoError(t, err)
	require.Equal(t, "0e01fac9b0911093", fmt.Sprintf("%x", sha256.Sum256(raw))[:16], "the plan of seed 1 has changed: say so in README.md, and measure anew")
}

func TestSmokeIsShort(t *testing.T) {
	s := shop.Standard()
	for seed := range uint64(50) {
		steps := Smoke(seed).Steps
		for _, service := range steps[0].Touched(s) {
			require.NotContains(t, steps[1].Touched(s), service)
		}
	}
	require.LessOrEqual(t, Smoke(1).Length, 4*time.Minute)
	require.Equal(t, "loss-3", Demo(1).Steps[0].Fault)
}

// A plan says of each fault what is expected, as the catalogue does; nothing is said too.
func TestPlanExpects(t *testing.T) {
	for _, plan := range []Plan{Full(7), Smoke(7), Demo(7)} {
		for _, step := range plan.Steps {
			kind, err := fault.Find(step.Fault)
			require.NoError(t, err)
			require.NotNil(t, step.Expect, step.Fault)
			require.ElementsMatch(t, kind.Expect, step.Expect)
			require.Equal(t, kind.Allow, step.Allow)
		}
	}
	raw, err := json.Marshal(Smoke(1).Steps)
	require.NoError(t, err)
	require.Contains(t, string(raw), `"fault":"database-stall"`)
	require.Contains(t, string(raw), `"expect":[]`, "of the stall")
	require.Contains(t, string(raw), `"expect":["tcp_retransmit_rise","tcp_tail_loss"]`)
}
