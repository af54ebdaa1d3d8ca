// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shop

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStandard(t *testing.T) {
	s := Standard()
	require.Len(t, s.Services, 17)
	require.Equal(t, Standard(), s)

	addresses, zones := make(map[netip.Addr]string), make(map[string]bool)
	for _, pod := range s.Pods {
		require.Empty(t, addresses[pod.Address], "address %s of %s", pod.Address, pod.Name)
		addresses[pod.Address] = pod.Name
		node, err := s.Node(pod.Node)
		require.NoError(t, err)
		require.True(t, node.Pods.Contains(pod.Address))
		zones[node.Zone] = true
	}
	require.Len(t, zones, 2)

	protocols := make(map[Protocol]bool)
	for _, service := range s.Services {
		protocols[service.Protocol] = true
		nodes := make(map[string]bool)
		for _, pod := range s.PodsOf(service.Name) {
			nodes[pod.Node] = true
		}
		require.GreaterOrEqual(t, len(nodes), 2, "nodes of %s", service.Name)
	}
	require.Len(t, protocols, len(ports))
}

func TestEveryCallHasTwoEnds(t *testing.T) {
	s, styles := Standard(), make(map[Style]bool)
	for _, edge := range s.Edges {
		_, err := s.Service(edge.From)
		require.NoError(t, err)
		_, err = s.Service(edge.To)
		require.NoError(t, err)
		require.False(t, edge.Share > 0 && edge.Rate > 0, "%s to %s has two rates", edge.From, edge.To)
		styles[edge.Style] = true
	}
	require.Len(t, styles, 5)
}

// The talk's case: eight services are affected by the pair of j and k.
func TestImpactOfThePair(t *testing.T) {
	s := Standard()
	require.Equal(t, []string{"service-a", "service-b", "service-c", "service-e", "service-f", "service-h", "service-j"}, s.Callers("service-k"))
	require.Len(t, s.Impact("service-j", "service-k"), 8)
	require.Empty(t, s.Callers(Entry))
}

func TestHeight(t *testing.T) {
	s := Standard()
	require.Equal(t, 0, s.Height("service-l"))
	require.Equal(t, 1, s.Height("service-k"))
	require.Equal(t, 2, s.Height("service-j"))
	require.Equal(t, 5, s.Height(Entry))
}
