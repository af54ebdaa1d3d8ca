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

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// trickle is a queue of a link that lets one segment of full size through at once, and for each
// later one takes more than a second. What is in it when it is deleted is lost.
func trickle(link int) *netlink.Tbf {
	const rate, burst, limit = 1000, 1600, 100_000 // bytes a second, bytes
	return &netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       rate, Limit: limit, Buffer: uint32(float64(burst) / rate * 1e6 * 15.625), // ticks of the scheduler
	}
}

// astray marks what goes into a jam, and names the table of routes that leads there.
const astray = 100

// jam gives a host a link that leads nowhere, and slowly. What is in it when it ends is lost.
func jam(t *testing.T, host netns.Host, to netip.Addr) (end func()) {
	t.Helper()
	links := host.Netlink()
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "jam"}, PeerName: "nowhere"}
	require.NoError(t, links.LinkAdd(veth))
	for _, name := range []string{"jam", "nowhere"} {
		link, err := links.LinkByName(name)
		require.NoError(t, err)
		require.NoError(t, links.LinkSetUp(link))
	}
	link, err := links.LinkByName("jam")
	require.NoError(t, err)
	index := link.Attrs().Index
	require.NoError(t, links.NeighSet(&netlink.Neigh{LinkIndex: index, IP: to.AsSlice(), State: netlink.NUD_PERMANENT,
		HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 1}}))
	require.NoError(t, links.QdiscAdd(trickle(index)))
	require.NoError(t, links.RouteAdd(&netlink.Route{LinkIndex: index, Scope: netlink.SCOPE_LINK, Table: astray,
		Dst: &net.IPNet{IP: to.AsSlice(), Mask: net.CIDRMask(32, 32)}, Src: host.IPv4.AsSlice()}))
	rule := netlink.NewRule()
	rule.Mark, rule.Table = astray, astray
	require.NoError(t, links.RuleAdd(rule))
	return func() { require.NoError(t, links.LinkDel(link)) }
}

// spend takes what the jam would let through at once.
func spend(t *testing.T, from, to netns.Host) {
	t.Helper()
	from.Do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer func() { _ = unix.Close(fd) }()
		require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, astray))
		require.NoError(t, unix.Sendto(fd, make([]byte, segment), 0, &unix.SockaddrInet4{Addr: to.IPv4.As4(), Port: 9}))
	})
}
