// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
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
