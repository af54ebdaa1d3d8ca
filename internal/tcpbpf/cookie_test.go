// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestSYNCookies has the server keep nothing of a SYN: its socket is made from the cookie that
// comes with the client's acknowledgement, and counts as any other.
func TestSYNCookies(t *testing.T) {
	client, server := newPair(t)
	server.SetSysctl("net.ipv4.tcp_syncookies", "2") // always
	k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
	here := at(client.IPv4)
	scenarios := moved()
	truths := traffic.Between(client.NS, server.NS, server.IPv4).Run(t, 2, scenarios...)
	k.untilClosed(2*len(scenarios), here)

	n := uint64(len(scenarios))
	counted := mib.Read(t, server.NS)
	require.Equal(t, [2]uint64{n, n}, [2]uint64{counted["SyncookiesSent"], counted["SyncookiesRecv"]})
	for _, truth := range truths {
		requireExact(t, k, truth, flow.RoleClient)
		requireExact(t, k, truth, flow.RoleServer)
	}
	requireSums(t, k, truths, here)
	accepted := k.sum(role(flow.RoleServer, here))
	require.Equal(t, n, accepted.Opened)
	for _, key := range k.keys(here) {
		requireSelf(t, k, key)
	}
	requireCoverage(t, k, 0, 0)
	require.Zero(t, accepted.Setups, "nobody remembers when the SYN came")
	require.EqualValues(t, n, k.sum(role(flow.RoleClient, here)).Setups)
}
