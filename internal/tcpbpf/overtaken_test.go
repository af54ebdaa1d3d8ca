// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/expiry"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// astray marks what goes into a jam, and names the table of routes that leads there.
const astray = 100

// jam gives a host a link that leads nowhere and takes long for it: a segment of full size
// takes more than a second. What is in it when it ends is lost.
func jam(t *testing.T, host netns.Host, to netip.Addr) (end func()) {
	t.Helper()
	const rate, burst = 1000, 1600
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
	require.NoError(t, links.QdiscAdd(&netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       rate, Limit: 100_000, Buffer: uint32(float64(burst) / rate * 1e6 * 15.625),
	}))
	require.NoError(t, links.RouteAdd(&netlink.Route{LinkIndex: index, Scope: netlink.SCOPE_LINK, Table: astray,
		Dst: &net.IPNet{IP: to.AsSlice(), Mask: net.CIDRMask(32, 32)}, Src: host.IPv4.AsSlice()}))
	rule := netlink.NewRule()
	rule.Mark, rule.Table = astray, astray
	require.NoError(t, links.RuleAdd(rule))
	return func() { require.NoError(t, links.LinkDel(link)) }
}

// TestProbeOfRecovery has a segment overtake another one, which waits in the host's own queue:
// it is known to be missing, but cannot be sent again as long as it is there. The timer of a
// loss probe, which was set before, runs out meanwhile.
func TestProbeOfRecovery(t *testing.T) {
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			client, server := newPair(t, netns.CongestionControl(congestion), netns.Sysctl("net.ipv4.tcp_autocorking", "0"))
			expiries := expiry.Watch(t, cgroup.Root(t))
			k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
			here := at(client.IPv4)
			d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), here)
			end := jam(t, client, server.IPv4)
			spend(t, client, server)
			d.client.Set(t, unix.SOL_SOCKET, unix.SO_MARK, astray)
			d.clients(write(segment))
			d.client.Set(t, unix.SOL_SOCKET, unix.SO_MARK, 0)
			time.Sleep(20 * time.Millisecond)
			d.clients(write(segment))
			require.Eventually(t, func() bool { return mib.Read(t, client.NS)["TCPLossProbes"] > 0 }, patience, time.Millisecond)
			end()
			d.clients(finish)
			d.servers(hear, finish)
			k.untilClosed(2, here)

			counted, s := mib.Read(t, client.NS), k.sum(role(flow.RoleClient, here))
			requireKinds(t, &s, counted, flow.RoleClient, expiries.Idle(client.NS))
			require.EqualValues(t, 1, s.Kinds[flow.RetransmitTailLossProbe])
		})
	}
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
