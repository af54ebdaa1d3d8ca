// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// RunBetween acts a scenario on n connections between two processes that live
// at the path's ends, k at a time.
func (p Path) RunBetween(t testing.TB, client, server *Process, n, k int, scenario Scenario) []Truth {
	t.Helper()
	require.Equal(t, Plain, p.Way)
	at := server.Listen(p.Socket, netip.AddrPortFrom(p.Address, 0))
	served := server.Serve(p.Socket, n, scenario.Server)
	connected := client.Connect(p, netip.AddrPortFrom(p.Address, at.Port()), n, k, scenario.Client)

	servers := make(map[netip.AddrPort]End, n) // by client
	clients := connected()
	for _, end := range served() {
		servers[end.Remote] = end
	}
	truths := make([]Truth, n)
	for i, end := range clients {
		require.Contains(t, servers, end.Local, "client that no server saw")
		truths[i] = Truth{Scenario: scenario.Name, Client: end, Server: servers[end.Local]}
	}
	return truths
}
