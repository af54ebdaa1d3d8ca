// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestNarrowPath has a router whose next link takes smaller segments only, and who says so
// (ICMP: fragmentation needed, packet too big). What was too large is sent again at once: no
// timer has run out, as the namespace says.
func TestNarrowPath(t *testing.T) {
	for name, address := range map[string]func(netns.Host) netip.Addr{
		"IPv4": func(h netns.Host) netip.Addr { return h.IPv4 },
		"IPv6": func(h netns.Host) netip.Addr { return h.IPv6 },
	} {
		for _, congestion := range cubicAndBBR(t) {
			t.Run(name+", "+congestion, func(t *testing.T) {
				client, server := narrowPath(t, netns.CongestionControl(congestion))
				k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
				here := at(address(client))
				d := converse(t, k, traffic.Between(client.NS, server.NS, address(server)), here)
				for range 2 {
					d.clients(write(9000))
					d.servers(read(9000), write(100))
					d.clients(read(100))
				}
				d.clients(finish)
				d.servers(hear, finish)
				k.untilClosed(2, here)

				counted, s := mib.Read(t, client.NS), k.sum(role(flow.RoleClient, here))
				require.NotZero(t, counted["RetransSegs"], "the path is not narrow")
				require.Zero(t, counted["TCPTimeouts"])
				require.Equal(t, counted["RetransSegs"], s.Retransmits)
				// A slow machine may probe before the router is heard, or take what is late for lost.
				fast, probes := counted["TCPSlowStartRetrans"]+counted["TCPFastRetrans"], s.Kinds[flow.RetransmitTailLossProbe]
				require.LessOrEqual(t, probes, counted["TCPLossProbes"])
				require.Equal(t, kinds{flow.RetransmitFast: fast, flow.RetransmitTailLossProbe: probes}, s.Kinds)
				requireSums(t, k, []traffic.Truth{{Client: d.client.End(), Server: d.server.End()}}, here)
			})
		}
	}
}

// TestNarrowPathWithoutAnswer loses all acknowledgements, but not what the router says: what is
// sent again first is told, what the timer sends then is a timeout.
func TestNarrowPathWithoutAnswer(t *testing.T) {
	client, server := narrowPath(t)
	k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
	here := at(client.IPv4)
	d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), here)
	d.clients(write(100))
	d.servers(read(100))
	nft.New(t, client.NS).Drop(nft.Input, 1000)
	d.clients(write(9000))
	k.until(func() bool {
		s := k.sum(role(flow.RoleClient, here))
		return s.Kinds[flow.RetransmitTimeout] > 0
	})
	counted, s := mib.Read(t, client.NS), k.sum(role(flow.RoleClient, here))
	require.NotZero(t, counted["TCPTimeouts"]+counted["TCPLossFailures"])
	require.NotZero(t, s.Kinds[flow.RetransmitFast])
	require.Equal(t, counted["TCPSlowStartRetrans"]+counted["TCPFastRetrans"], s.Kinds[flow.RetransmitFast], "without the timer")
}

// narrowPath is a path from client to server whose second link has a smaller MTU than either
// of them knows.
func narrowPath(t *testing.T, options ...netns.Option) (client, server netns.Host) {
	t.Helper()
	router, hosts := netns.Star(t, 2, append(options, netns.Inhabited())...)
	links := router.Netlink()
	link, err := links.LinkByName("veth1")
	require.NoError(t, err)
	require.NoError(t, links.LinkSetMTU(link, 1300))
	return hosts[0], hosts[1]
}
