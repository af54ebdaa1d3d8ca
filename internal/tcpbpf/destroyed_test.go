// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestDestroyedSockets has somebody else end a connection, as "ss -K" does: its host sends a
// RST, so it is reset by this end, and its bytes and its owner are what they were.
func TestDestroyedSockets(t *testing.T) {
	for name, destroyed := range map[string]flow.Role{"the client's": flow.RoleClient, "the server's": flow.RoleServer} {
		t.Run(name, func(t *testing.T) {
			client, server := newPair(t)
			host, peer := client, flow.RoleServer
			if destroyed == flow.RoleServer {
				host, peer = server, flow.RoleClient
			}
			out := nft.New(t, host.NS).Count(nft.Output, nft.Flags(nft.RST))
			k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
			d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), at(client.IPv4))
			talk(d, 3, 10_000)
			k.collect()
			requireCoverage(t, k, 2, 0)
			end := d.client.End()
			if destroyed == flow.RoleServer {
				end = d.server.End()
			}
			destroy(host, end.Local, end.Remote)
			d.clients(await)
			d.servers(await)
			k.untilClosed(2, d.match)

			requireSums(t, k, []traffic.Truth{{Client: d.client.End(), Server: d.server.End()}}, d.match)
			mine, theirs := k.sum(role(destroyed, d.match)), k.sum(role(peer, d.match))
			require.EqualValues(t, 1, out.Packets())
			require.Equal(t, out.Packets(), mib.Read(t, host.NS)["OutRsts"])
			require.Equal(t, [2]uint64{1, 0}, mine.Resets)
			require.Equal(t, [2]uint64{0, 1}, theirs.Resets)
			require.EqualValues(t, 1, mine.Closed[flow.CloseResetSent])
			require.EqualValues(t, 1, theirs.Closed[flow.CloseResetReceived])
			for _, key := range k.keys(d.match) {
				requireSelf(t, k, key)
			}
			requireCoverage(t, k, 0, 0)
			t.Run("why", func(t *testing.T) {
				kernel.Require(t, kernel.ResetReason)
				require.Equal(t, map[string]uint64{"tcp_state": 1}, k.reasonsOf(role(destroyed, d.match)))
			})
		})
	}
}

// TestDestroyedWhileConnecting: the connect fails, and no RST is sent for what was never there.
func TestDestroyedWhileConnecting(t *testing.T) {
	client, server := newPair(t)
	to := netip.AddrPortFrom(filter(t, client, server), 4000)
	k := observe(t, Config{Include: ofHosts(client, server)})
	p := newPlug(t, client.NS)
	require.NoError(t, p.beginConnect(to))
	require.NoError(t, p.do(func(fd int) error {
		own, err := unix.Getsockname(fd)
		if err == nil {
			a := own.(*unix.SockaddrInet4)
			destroy(client, netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), to)
		}
		return err
	}))
	require.ErrorIs(t, p.outcome(), unix.ECONNABORTED)
	k.collect()
	s := k.sum(role(flow.RoleClient, at(client.IPv4)))
	requireFailed(t, &s, flow.FailureAborted)
	require.Zero(t, mib.Read(t, client.NS)["OutRsts"])
	require.Equal(t, [2]uint64{}, s.Resets)
	requireCoverage(t, k, 0, 0)
}

// TestDestroyedListener: it is gone, what it had accepted goes on.
func TestDestroyedListener(t *testing.T) {
	client, server := newPair(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	listener := addressOf(server.Listen(netip.AddrPortFrom(server.IPv4, 0).String()))
	d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), at(client.IPv4))
	k.collect()
	keys := k.keys(listening(listener))
	require.Len(t, keys, 1)
	require.NotZero(t, k.gauges[keys[0]].ListenLimit)
	destroy(server, listener, netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
	talk(d, 1, 1000)
	k.collect()
	require.Zero(t, k.gauges[keys[0]].ListenLimit)
	require.Equal(t, [2]uint64{}, k.sum(listening(listener)).Resets)
	require.EqualValues(t, 2, k.sum(d.match).Opened)
	_, err := client.Dial(listener.String())
	require.ErrorIs(t, err, unix.ECONNREFUSED)
}

// ofHosts are rules that leave all others out.
func ofHosts(client, server netns.Host) []Rule {
	return only(place{IPv4: client.IPv4, IPv6: client.IPv6}, server.IPv4, server.IPv6)
}

// destroy ends a socket from outside.
func destroy(host netns.Host, local, remote netip.AddrPort) {
	host.Do(func() {
		if err := netlink.SocketDestroy(net.TCPAddrFromAddrPort(local), net.TCPAddrFromAddrPort(remote)); err != nil {
			panic(err)
		}
	})
}
