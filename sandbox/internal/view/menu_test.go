// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// pick moves to an option and chooses it.
func pick(t *testing.T, m *menu, option string) (fault.Spec, bool) {
	t.Helper()
	at := slices.Index(m.options(), option)
	require.GreaterOrEqual(t, at, 0, "no %s in %v", option, m.options())
	m.move(-100)
	m.move(at)
	return m.choose()
}

func TestFromServiceToFault(t *testing.T) {
	m := menu{shop: shop.Standard()}
	for _, option := range []string{"service-j", fault.Network, "loss-3"} {
		_, done := pick(t, &m, option)
		require.False(t, done)
	}
	spec, done := pick(t, &m, "pair service-j → service-k")
	require.True(t, done)
	require.Equal(t, fault.Spec{Fault: "loss-3", Place: fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}, Seed: 1}, spec)
	require.Len(t, m.options(), 17, "it begins anew")
}

func TestWhere(t *testing.T) {
	m := menu{shop: shop.Standard()}
	for _, option := range []string{"service-k", fault.Container, "cpu"} {
		pick(t, &m, option)
	}
	require.Equal(t, []string{"all instances", "instance service-k-0", "instance service-k-1", "instance service-k-2"}, m.options())
	spec, done := pick(t, &m, "instance service-k-1")
	require.True(t, done)
	require.Equal(t, fault.Place{Kind: fault.Pod, A: "service-k-1"}, spec.Place)
	for _, option := range []string{"service-l", fault.Network, "jitter"} {
		pick(t, &m, option)
	}
	require.Subset(t, m.options(), []string{"node node-1", "zone_pair zone-1 → zone-2"})
}

func TestOnlyWhatCanBe(t *testing.T) {
	m := menu{shop: shop.Standard()}
	pick(t, &m, "service-l")
	pick(t, &m, fault.Network)
	require.NotContains(t, m.options(), "filtered", "service-l calls nobody")
	m.back()
	require.Contains(t, m.options(), fault.Server)
	m.back()
	m.back()
	require.Len(t, m.options(), 17)
}
