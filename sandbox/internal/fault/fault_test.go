// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

var examples = map[fault.PlaceKind]fault.Place{
	fault.Pair:     {Kind: fault.Pair, A: "service-j", B: "service-k"},
	fault.Pod:      {Kind: fault.Pod, A: "service-k-1"},
	fault.Workload: {Kind: fault.Workload, A: "service-k"},
	fault.Node:     {Kind: fault.Node, A: "node-2"},
	fault.ZonePair: {Kind: fault.ZonePair, A: "zone-1", B: "zone-2"},
}

// Each fault does something, at each place where it can be.
func TestEveryFaultDoesSomething(t *testing.T) {
	s, names := shop.Standard(), make(map[string]bool)
	for _, kind := range fault.Kinds() {
		require.False(t, names[kind.Name], "two faults are %s", kind.Name)
		names[kind.Name] = true
		require.NotEmpty(t, kind.Places)
		for _, place := range kind.Places {
			action, err := fault.Spec{Fault: kind.Name, Place: examples[place], Seed: 7}.Plan(s)
			require.NoError(t, err)
			if len(action.Ways) > 0 {
				require.True(t, action.Impair != nil || action.Match != "", kind.Name)
				continue
			}
			require.NotEmpty(t, action.Pods)
			var b pod.Behaviour
			action.Behave(&b)
			require.True(t, action.CPU > 0 || b.Ports > 0 || len(b.Calls) > 0 || b.Serve != pod.Serve{}, kind.Name)
		}
	}
}

func TestLossOfThePair(t *testing.T) {
	s := shop.Standard()
	spec := fault.Spec{Fault: "loss-3", Place: examples[fault.Pair], Seed: 7}
	action, err := spec.Plan(s)
	require.NoError(t, err)
	require.Len(t, action.Ways, 2)
	require.Equal(t, action.Ways[0].From, action.Ways[1].To)
	require.Len(t, action.Ways[0].To, 3)
	require.Equal(t, .03, action.Impair.Loss)
	require.EqualValues(t, 7, action.Impair.Seed)
	require.Len(t, spec.Impact(s), 8)
}

func TestWhatCannotBe(t *testing.T) {
	s := shop.Standard()
	for _, spec := range []fault.Spec{
		{Fault: "earthquake", Place: examples[fault.Node]},
		{Fault: "nagle", Place: examples[fault.Node]},
		{Fault: "loss-1", Place: fault.Place{Kind: fault.Pair, A: "service-k", B: "service-a"}},
		{Fault: "loss-1", Place: fault.Place{Kind: fault.ZonePair, A: "zone-1", B: "zone-9"}},
		{Fault: "cpu", Place: fault.Place{Kind: fault.Pod, A: "service-k-9"}},
	} {
		_, err := spec.Plan(s)
		require.Error(t, err, "%v", spec)
	}
}

// A cap lets less through than is asked for, wherever a drill may have it, and its queue
// delays for longer than any call's round trip before it drops.
func TestCapCaps(t *testing.T) {
	s := shop.Standard()
	for _, edge := range s.Edges {
		for _, place := range []fault.Place{{Kind: fault.Pair, A: edge.From, B: edge.To}, {Kind: fault.Pod, A: edge.To + "-0"}} {
			spec := fault.Spec{Fault: "bandwidth", Place: place}
			demand := 0.
			for _, hit := range spec.Hit(s) {
				demand += s.Demand(hit)
			}
			if place.Kind == fault.Pod {
				demand /= float64(len(s.PodsOf(edge.To)))
			}
			action, err := spec.Plan(s)
			if demand == 0 {
				require.ErrorContains(t, err, "nothing is asked for")
				continue
			}
			require.NoError(t, err)
			require.InEpsilon(t, .6*demand, action.Impair.Rate*3, 1e-9, "%s", place)
			require.GreaterOrEqual(t, action.Impair.Queue, 256e3, "%s", place)
			require.Greater(t, action.Impair.Queue/action.Impair.Rate, 5., "%s: seconds in a full queue", place)
		}
	}
}
