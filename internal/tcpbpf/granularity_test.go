// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestGranularity lets two processes of one executable and one of another connect
// twice each, and compares the keys and the number of connections behind each.
func TestGranularity(t *testing.T) {
	type want struct {
		owner   string
		flows   int
		opened  uint64 // of each flow
		hasPID  bool
		hasPort bool // the client's
	}
	for name, test := range map[string]struct {
		granularity Granularity
		clients     []want
		servers     want
	}{
		"connection": {GranularityConnection, []want{{"curl", 4, 1, true, true}, {"wget", 2, 1, true, true}}, want{"shop", 6, 1, true, true}},
		"endpoint":   {GranularityEndpoint, []want{{"curl", 2, 2, true, false}, {"wget", 1, 2, true, false}}, want{"shop", 1, 6, true, false}},
		"peer":       {GranularityPeer, []want{{"curl", 1, 4, false, false}, {"wget", 1, 2, false, false}}, want{"shop", 1, 6, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			street := newStreet(t, "shop", "curl", "curl", "wget")
			k := observe(t, Config{Granularity: test.granularity})
			street.visit()
			street.visit()
			k.collect()

			check := func(r flow.Role, w want) {
				t.Helper()
				keys := k.keys(role(r, func(key flow.Key) bool {
					return street.here()(key) && k.Owner(key.Owner).Executable == w.owner
				}))
				require.Len(t, keys, w.flows, w.owner)
				for _, key := range keys {
					near, far := key.LocalPort, key.RemotePort
					if r == flow.RoleServer {
						near, far = far, near
					}
					require.Equal(t, street.at.Port(), far, w.owner)
					require.Equal(t, w.hasPort, near != 0, w.owner)
					require.Equal(t, w.hasPID, key.Owner.PID() != 0, w.owner)
					require.Equal(t, w.opened, k.sums[key].Opened, w.owner)
					require.Equal(t, w.opened, k.sums[key].closed(), w.owner)
				}
			}
			for _, w := range test.clients {
				check(flow.RoleClient, w)
			}
			check(flow.RoleServer, test.servers)
		})
	}
}

// masks are public visitors and what a server's flow keeps of them. Private ones
// have none: those of RFC 1918, 6598 and 4193, link-local, loopback and cluster
// ones, each of them with its neighbours on both sides.
var masks = map[string]string{
	"198.51.100.7": "198.51.100.0", "198.51.100.200": "198.51.100.0",
	"9.255.255.254": "9.255.255.0", "10.0.0.1": "", "10.255.255.254": "", "11.0.0.1": "11.0.0.0",
	"100.63.255.254": "100.63.255.0", "100.64.0.1": "", "100.127.255.254": "", "100.128.0.1": "100.128.0.0",
	"126.255.255.254": "126.255.255.0", "127.1.2.3": "", "127.255.255.253": "", "128.0.0.1": "128.0.0.0",
	"169.253.255.254": "169.253.255.0", "169.254.0.1": "", "169.254.255.254": "", "169.255.0.1": "169.255.0.0",
	"172.15.255.254": "172.15.255.0", "172.16.0.1": "", "172.31.255.254": "", "172.32.0.1": "172.32.0.0",
	"192.167.255.254": "192.167.255.0", "192.168.0.1": "", "192.168.255.254": "", "192.169.0.1": "192.169.0.0",
	"203.0.112.255": "203.0.112.0", "203.0.113.1": "", "203.0.113.254": "", "203.0.114.1": "203.0.114.0",

	"2001:db8:1:2ff:3:4:5:6": "2001:db8:1:200::", "2001:db8:1:2aa::1": "2001:db8:1:200::",
	"2001:db8:b:ffff::1": "2001:db8:b:ff00::", "2001:db8:c::1": "", "2001:db8:c:ffff::1": "", "2001:db8:d::1": "2001:db8:d::",
	"fbff:ffff:ffff:ffff::1": "fbff:ffff:ffff:ff00::", "fc00::1": "", "fdff:ffff:ffff:ffff::1": "", "fe00::1": "fe00::",
	"fe7f:ffff::1": "fe7f:ffff::", "fe80::7%lo": "", "febf:ffff::7%lo": "", "fec0::1": "fec0::", "::1": "",
}

// TestVisitorsAreMasked connects from public and private addresses to a server,
// and asks for the peers of its flows and of those of its clients.
func TestVisitorsAreMasked(t *testing.T) {
	p := newPlace(t)
	masked := observe(t, Config{MaskPublic: true, ClusterCIDRs: []netip.Prefix{
		netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8:c::/48"),
	}})
	whole := observe(t, Config{})
	v4, v6 := p.Listen(netip.AddrPortFrom(p.IPv4, 0).String()), p.Listen(netip.AddrPortFrom(p.IPv6, 0).String())
	wantMasked, wantWhole, wantServers := make(map[netip.Addr]uint64), make(map[netip.Addr]uint64), make(map[netip.Addr]uint64)
	for text, mask := range masks {
		visitor := netip.MustParseAddr(text)
		p.move(t, visitor)
		if visitor.Is4() {
			p.visit(t, v4, visitor)
			wantServers[p.IPv4]++
		} else {
			p.visit(t, v6, visitor)
			wantServers[p.IPv6]++
		}
		wantWhole[visitor.WithZone("")]++
		if mask != "" {
			visitor = netip.MustParseAddr(mask)
		}
		wantMasked[visitor.WithZone("")]++
	}
	masked.collect()
	whole.collect()
	require.Equal(t, wantMasked, masked.peers(role(flow.RoleServer, p.here())))
	require.Equal(t, wantWhole, whole.peers(role(flow.RoleServer, p.here())))
	require.Equal(t, wantServers, masked.peers(role(flow.RoleClient, p.here())))
}

// TestServersAreNotMasked connects from a public address to itself, by IPv4
// through IPv6 sockets, whose visitors are masked as those of IPv4.
func TestServersAreNotMasked(t *testing.T) {
	public := netip.MustParseAddr("198.51.100.77")
	p := newPlace(t)
	p.move(t, public)
	path := traffic.Mapped(p.NS)
	path.Address = public
	k := observe(t, Config{MaskPublic: true, Granularity: GranularityConnection})
	client, _ := path.Open(t)
	k.collect()

	own, port := client.End().Local, client.End().Remote.Port()
	keys := k.keys(func(key flow.Key) bool { return mine(key) && at(public)(key) })
	for i := range keys {
		keys[i].Owner = flow.OwnerID{}
	}
	require.ElementsMatch(t, []flow.Key{
		{Local: public, LocalPort: own.Port(), Remote: public, RemotePort: port, Role: flow.RoleClient},
		{Local: public, LocalPort: port, Remote: netip.MustParseAddr("198.51.100.0"), RemotePort: own.Port(), Role: flow.RoleServer},
	}, keys)
}

// move gives the place's loopback an address to visit from.
func (p place) move(t *testing.T, to netip.Addr) {
	t.Helper()
	if to = to.WithZone(""); to.IsLoopback() {
		return
	}
	p.AddAddress("lo", netip.PrefixFrom(to, to.BitLen()))
	if to.Is6() {
		awaitAddress(t, p.NS, to)
	}
}

// visit connects from an address, until the test ends.
func (p place) visit(t *testing.T, listener *net.TCPListener, from netip.Addr) {
	t.Helper()
	to := listener.Addr().(*net.TCPAddr).AddrPort()
	client, err := p.DialWith(p.Socket(), netip.AddrPortFrom(from, 0), to)
	require.NoError(t, err, "from %s", from)
	t.Cleanup(func() { _ = client.Close() })
	server, err := listener.AcceptTCP()
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
}

// peers counts connections by remote address.
func (c *collector) peers(match func(flow.Key) bool) map[netip.Addr]uint64 {
	peers := make(map[netip.Addr]uint64)
	for key, s := range c.sums {
		if match(key) {
			peers[key.Remote] += s.Opened
		}
	}
	return peers
}
