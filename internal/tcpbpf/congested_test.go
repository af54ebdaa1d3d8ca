// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestTimeoutOfTwoEpisodes loses a segment and its probe while the window is being reduced, for
// the segment before met congestion, and then two more: the timer runs out for all of them,
// and the first one's episode is over before the others are sent again.
func TestTimeoutOfTwoEpisodes(t *testing.T) {
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			client, server := newPair(t, netns.CongestionControl(congestion), netns.Sysctl("net.ipv4.tcp_ecn", "1"),
				netns.Sysctl("net.ipv4.tcp_retrans_collapse", "0"))
			k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
			here := at(client.IPv4)
			d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), here)
			filter := nft.New(t, server.NS)
			filter.CongestSome(nft.Input, 0, 1, nft.Data())
			filter.DropSome(nft.Input, 1, 4, nft.Data())
			d.clients(write(2 * segment))
			require.Eventually(t, func() bool { return mib.Read(t, client.NS)["TCPLossProbes"] == 1 }, patience, time.Millisecond)
			d.clients(write(2 * segment))
			d.servers(read(4 * segment))
			d.clients(finish)
			d.servers(hear, finish)
			k.untilClosed(2, here)

			counted, s := mib.Read(t, client.NS), k.sum(role(flow.RoleClient, here))
			requireKinds(t, &s, counted, flow.RoleClient, 0)
			require.NotZero(t, counted["TCPSlowStartRetrans"])
			require.EqualValues(t, 2, s.Episodes)
		})
	}
}

// TestTimeoutOfAClosedWindow has the server take its window back while a segment is missing.
// The kernel does not count such timeouts; what it sends then is of the kind all the same,
// also while the window was being reduced before.
func TestTimeoutOfAClosedWindow(t *testing.T) {
	for name, marked := range map[string]uint32{"congestion": 1, "no congestion": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server := newPair(t, netns.Sysctl("net.ipv4.tcp_ecn", "1"), netns.Sysctl("net.ipv4.tcp_early_retrans", "0"))
			k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
			here := at(client.IPv4)
			d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), here)
			filter := nft.New(t, server.NS)
			filter.CongestSome(nft.Input, 0, marked, nft.Data())
			filter.DropSome(nft.Input, 1, 1, nft.Data())
			windows := nft.New(t, client.NS)
			windows.CloseWindow(nft.Input)
			d.clients(write(2 * segment))
			d.servers(read(segment), write(1))
			require.Eventually(t, func() bool { return d.client.Info(t).Total_retrans > 0 }, patience, time.Millisecond)
			windows.Clear()
			d.servers(read(segment), write(1))
			d.clients(read(2), finish)
			d.servers(hear, finish)
			k.untilClosed(2, here)

			counted, s := mib.Read(t, client.NS), k.sum(role(flow.RoleClient, here))
			require.Equal(t, kinds{flow.RetransmitTimeout: s.Retransmits}, s.Kinds)
			require.Equal(t, counted["RetransSegs"], s.Retransmits)
			require.Zero(t, counted["TCPTimeouts"])
		})
	}
}

// TestRetransmissionsThatFail has the client's own host drop them: the kernel counts them as
// retransmitted, and as failed, but not by their kind.
func TestRetransmissionsThatFail(t *testing.T) {
	const failed = 3
	client, server := newPair(t)
	k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
	here := at(client.IPv4)
	d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), here)
	nft.New(t, server.NS).DropSome(nft.Input, 0, 1, nft.Data())
	nft.New(t, client.NS).DropSome(nft.Output, 1, failed, nft.Data())
	d.clients(write(segment))
	d.servers(read(segment))
	d.clients(finish)
	d.servers(hear, finish)
	k.untilClosed(2, here)

	counted, s := mib.Read(t, client.NS), k.sum(role(flow.RoleClient, here))
	require.EqualValues(t, failed, counted["TCPRetransFail"])
	require.Equal(t, counted["RetransSegs"], s.Retransmits)
	require.Equal(t, kinds{flow.RetransmitTailLossProbe: 1, flow.RetransmitTimeout: failed}, s.Kinds)
	requireSums(t, k, []traffic.Truth{{Client: d.client.End(), Server: d.server.End()}}, here)
}
