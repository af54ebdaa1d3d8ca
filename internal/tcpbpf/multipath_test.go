// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestEqualPaths spreads connections over two links of equal cost, both ways, and loses
// some of what is on them.
func TestEqualPaths(t *testing.T) {
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			options := []netns.Option{netns.CongestionControl(congestion), netns.Sysctl("net.ipv4.fib_multipath_hash_policy", "1"),
				netns.Sysctl("net.ipv4.conf.all.rp_filter", "0"), netns.Sysctl("net.ipv4.conf.default.rp_filter", "0")}
			client, server := newPair(t, options...)
			second := secondLink(t, client, server)
			at1, at2 := addLoopback(t, client, 100), addLoopback(t, server, 200)
			routeBoth(t, client, at2, at1, server.IPv4, second[1].IPv4)
			routeBoth(t, server, at1, at2, client.IPv4, second[0].IPv4)
			nft.New(t, server.NS).Drop(nft.Input, 10, nft.Data())
			before := [2]uint64{carried(t, server), carried(t, second[1])}

			k := observe(t, Config{Granularity: GranularityConnection})
			both := func() bool {
				return carried(t, server) > before[0]+100 && carried(t, second[1]) > before[1]+100
			}
			for connections, rounds := 0, 0; !both(); rounds++ {
				require.Less(t, rounds, 10, "ports decide by which link a connection goes")
				truths := traffic.Between(client.NS, server.NS, at2).Run(t, 10, moved()...)
				connections += 2 * len(truths)
				k.untilClosed(connections, at(at2))
				for _, truth := range truths {
					require.Equal(t, at1, truth.Client.Local.Addr())
					requireExact(t, k, truth, flow.RoleClient)
					requireExact(t, k, truth, flow.RoleServer)
				}
			}
		})
	}
}

// secondLink joins two hosts once more.
func secondLink(t *testing.T, client, server netns.Host) [2]netns.Host {
	t.Helper()
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "veth-c"}, PeerName: "veth-d", PeerNamespace: netlink.NsFd(server.FD())}
	require.NoError(t, client.Netlink().LinkAdd(veth))
	ends := [2]netns.Host{{NS: client.NS, Link: "veth-c"}, {NS: server.NS, Link: "veth-d"}}
	for i, host := range []netns.Host{client, server} {
		b := host.IPv4.As4()
		b[0] = 11 // a network of its own, which no other test uses either
		ends[i].IPv4 = netip.AddrFrom4(b)
		ends[i].DisableOffloads(ends[i].Link)
		ends[i].AddAddress(ends[i].Link, netip.PrefixFrom(ends[i].IPv4, 24))
		ends[i].Up(ends[i].Link)
	}
	require.Eventually(t, func() bool {
		link, err := client.Netlink().LinkByName("veth-c")
		return err == nil && link.Attrs().OperState == netlink.OperUp
	}, patience, 1e6)
	return ends
}

// addLoopback gives a host an address that is on neither link.
func addLoopback(t *testing.T, host netns.Host, last byte) netip.Addr {
	t.Helper()
	b := host.IPv4.As4()
	b[0], b[3] = 12, last
	address := netip.AddrFrom4(b)
	host.AddAddress("lo", netip.PrefixFrom(address, 32))
	return address
}

// routeBoth leads to an address by two neighbours.
func routeBoth(t *testing.T, host netns.Host, to, source netip.Addr, by ...netip.Addr) {
	t.Helper()
	route := &netlink.Route{Dst: &net.IPNet{IP: to.AsSlice(), Mask: net.CIDRMask(32, 32)}, Src: source.AsSlice()}
	for _, neighbour := range by {
		routes, err := host.Netlink().RouteGet(neighbour.AsSlice())
		require.NoError(t, err)
		route.MultiPath = append(route.MultiPath, &netlink.NexthopInfo{LinkIndex: routes[0].LinkIndex, Gw: neighbour.AsSlice()})
	}
	require.NoError(t, host.Netlink().RouteAdd(route))
}

// carried is how many packets have come by a link.
func carried(t *testing.T, host netns.Host) uint64 {
	t.Helper()
	link, err := host.Netlink().LinkByName(host.Link)
	require.NoError(t, err)
	return link.Attrs().Statistics.RxPackets
}
