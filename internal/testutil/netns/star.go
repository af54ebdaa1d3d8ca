// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netns

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
)

// Star makes n namespaces and one more, which forwards packets between them: each has a
// link and its default routes to that router, under which any other address can be
// reached too.
func Star(t testing.TB, n int, options ...Option) (router *NS, hosts []Host) {
	t.Helper()
	router = New(t, options...)
	router.SetSysctl("net.ipv4.ip_forward", "1")
	router.SetSysctl("net.ipv6.conf.all.forwarding", "1")
	for i := range n {
		address := func(pattern string, end int) netip.Addr {
			return netip.MustParseAddr(fmt.Sprintf(pattern, i, end))
		}
		host := Host{New(t, options...), "veth0", address("198.51.%d.%d", 2), address("2001:db8:%d::%d", 2)}
		link := Host{router, fmt.Sprintf("veth%d", i), address("198.51.%d.%d", 1), address("2001:db8:%d::%d", 1)}
		require.NoError(t, host.links.LinkAdd(&netlink.Veth{
			LinkAttrs:     netlink.LinkAttrs{Name: host.Link},
			PeerName:      link.Link,
			PeerNamespace: netlink.NsFd(router.FD()),
		}), "add veth pair")
		host.configure()
		link.configure()
		host.awaitCarrier()
		link.awaitCarrier()
		host.route(link.IPv4, "0.0.0.0/0")
		host.route(link.IPv6, "::/0")
		hosts = append(hosts, host)
	}
	return router, hosts
}

func (h Host) route(gateway netip.Addr, to string) {
	h.t.Helper()
	_, network, err := net.ParseCIDR(to)
	require.NoError(h.t, err)
	require.NoError(h.t, h.links.RouteAdd(&netlink.Route{Dst: network, Gw: gateway.AsSlice()}), "add route to %s", to)
}
