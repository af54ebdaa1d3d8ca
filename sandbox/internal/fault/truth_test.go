// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

func TestImpact(t *testing.T) {
	s, d := shop.Standard(), fault.Place{Kind: fault.Workload, A: "service-d"}
	names := func(letters string) (all []string) {
		for _, letter := range letters {
			all = append(all, "service-"+string(letter))
		}
		return all
	}
	for _, test := range []struct {
		name   string
		place  fault.Place
		impact string
	}{
		{"refused", d, "abdq"}, // but not its database
		{"refused", fault.Place{Kind: fault.Pod, A: "service-d-1"}, "abdq"},
		{"port-exhaustion", fault.Place{Kind: fault.Workload, A: "service-q"}, "dpq"}, // but not others who call d
		{"loss-3", fault.Place{Kind: fault.Pair, A: "service-q", B: "service-d"}, "dq"},
		{"loss-3", examples[fault.Pair], "abcefhjk"},
		{"loss-3", fault.Place{Kind: fault.Pod, A: "service-d-1"}, "abdlq"},
		{"loss-3", examples[fault.ZonePair], "abcdefghijklmnopq"},
	} {
		require.Equal(t, names(test.impact), fault.Spec{Fault: test.name, Place: test.place}.Impact(s), "%s at %s", test.name, test.place)
	}
}

func TestEnds(t *testing.T) {
	s := shop.Standard()
	ends := func(kind fault.PlaceKind, name string) []string {
		return fault.Spec{Fault: name, Place: examples[kind]}.Ends(s)
	}
	both := []string{
		"service-j", "service-j-0", "service-j-1", "service-j-2", "service-k", "service-k-0", "service-k-1", "service-k-2",
	}
	require.Equal(t, both, ends(fault.Pair, "loss-3"))
	require.Equal(t, both, ends(fault.Pod, "refused"), "only service-j calls service-k")
	require.Contains(t, ends(fault.Pod, "loss-3"), "service-n-1")
	require.Equal(t, []string{
		"node-2", "service-a", "service-a-1", "service-c", "service-c-0", "service-d", "service-d-1", "service-f", "service-f-0",
		"service-g", "service-g-1", "service-i", "service-i-0", "service-j", "service-j-1", "service-k", "service-k-1",
		"service-l", "service-l-1", "service-n", "service-n-0", "service-o", "service-o-1", "service-q", "service-q-0",
	}, ends(fault.Node, "loss-3"), "of its zone there is more")
	far := ends(fault.ZonePair, "loss-3")
	require.Equal(t, far, fault.Spec{Fault: "loss-3", Place: fault.Place{Kind: fault.Node, A: "node-3"}}.Ends(s), "two names of one place")
	require.Subset(t, far, []string{"node-3", "zone-2"})
	require.NotContains(t, far, "zone-1")
}

// A pod that calls tells of itself, and of one that is called all tell that may have met it.
func TestClients(t *testing.T) {
	s := shop.Standard()
	in, err := s.Edge("service-j", "service-k")
	require.NoError(t, err)
	out, err := s.Edge("service-k", "service-n")
	require.NoError(t, err)
	pod := fault.Spec{Fault: "cpu", Place: fault.Place{Kind: fault.Pod, A: "service-k-1"}}
	require.Equal(t, []string{"service-j-0", "service-j-1", "service-j-2"}, pod.Clients(s, in))
	require.Equal(t, []string{"service-k-1"}, pod.Clients(s, out))
	all := fault.Spec{Fault: "cpu", Place: fault.Place{Kind: fault.Workload, A: "service-k"}}
	require.Equal(t, []string{"service-k-0", "service-k-1", "service-k-2"}, all.Clients(s, out))
	require.False(t, all.OnPackets())
	for _, name := range []string{"loss-3", "bandwidth", "mtu-black-hole"} {
		require.True(t, fault.Spec{Fault: name}.OnPackets(), name)
	}
}

func TestSegments(t *testing.T) {
	s := shop.Standard()
	of := func(kind fault.PlaceKind) float64 {
		return fault.Spec{Fault: "loss-3", Place: examples[kind]}.Segments(s)
	}
	require.InDelta(t, 20.48*(3+12), of(fault.Pair), 1e-6)
	require.InDelta(t, (20.48*(3+12)+.8*20.48*(1+9)+2*(83+1))/3, of(fault.Pod), 1e-6, "one of three, with what it calls")
}

func TestRoot(t *testing.T) {
	require.Equal(t, examples[fault.Pair], fault.Spec{Fault: "loss-3", Place: examples[fault.Pair]}.Root())
	require.Equal(t, fault.Place{Kind: fault.Workload, A: "service-j"}, fault.Spec{Fault: "nagle", Place: examples[fault.Pair]}.Root())
}

// The same packets go through both, which the rules of the packet filter show.
func TestAlias(t *testing.T) {
	s := shop.Standard()
	node, zones := fault.Place{Kind: fault.Node, A: "node-3"}, examples[fault.ZonePair]
	alias, ok := node.Alias(s)
	require.True(t, ok)
	require.Equal(t, zones, alias)
	alias, ok = zones.Alias(s)
	require.True(t, ok)
	require.Equal(t, node, alias)
	one, err := fault.Spec{Fault: "loss-3", Place: node}.Plan(s)
	require.NoError(t, err)
	other, err := fault.Spec{Fault: "loss-3", Place: zones}.Plan(s)
	require.NoError(t, err)
	require.ElementsMatch(t, one.Ways, other.Ways)
	for _, place := range []fault.Place{{Kind: fault.Node, A: "node-1"}, examples[fault.Pair]} {
		_, ok = place.Alias(s)
		require.False(t, ok, "%s", place)
	}
}
