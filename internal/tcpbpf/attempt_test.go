// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
)

// attempt connects a socket of its own in vain; it is closed then.
func attempt(t *testing.T, p place, to netip.AddrPort, want error) {
	t.Helper()
	family, address := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())})
	if to.Addr().Is4() {
		family, address = unix.AF_INET, sockaddr(to)
	}
	require.ErrorIs(t, p.Try(func() error {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		return unix.Connect(fd, address)
	}), want)
}

// failedTo waits for what failed on the way to an address: a socket is destroyed a
// moment after its descriptor is closed.
func failedTo(k *collector, to netip.AddrPort, n uint64) [flow.NumFailures]uint64 {
	var failed [flow.NumFailures]uint64
	require.Eventually(k.t, func() bool {
		k.collect()
		failed = k.sum(func(key flow.Key) bool { return key.Remote == to.Addr() && key.RemotePort == to.Port() }).Failed
		return total(failed[:]) >= n
	}, patience, time.Millisecond)
	return failed
}

// TestNoRoute connects where no route leads: no SYN is sent, no state ever changes.
func TestNoRoute(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{})
	for _, to := range []string{"203.0.113.7:81", "[2001:db8::7]:82", "[::ffff:203.0.113.7]:83"} {
		address := netip.MustParseAddrPort(to)
		for range 3 {
			attempt(t, p, address, unix.ENETUNREACH)
		}
		failed := failedTo(k, netip.AddrPortFrom(address.Addr().Unmap(), address.Port()), 3)
		require.Equal(t, [flow.NumFailures]uint64{flow.FailureNetworkUnreachable: 3}, failed, to)
	}
}

// TestNoPortLeft connects from a namespace of two ports, which two connections hold.
func TestNoPortLeft(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{})
	for _, own := range []netip.Addr{p.IPv4, p.IPv6} {
		p.SetSysctl("net.ipv4.ip_local_port_range", "40000 60999")
		to := addressOf(p.Listen(netip.AddrPortFrom(own, 0).String()))
		p.SetSysctl("net.ipv4.ip_local_port_range", "1500 1501")
		for range 2 {
			conn, err := p.Dial(to.String())
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
		}
		for range 3 {
			attempt(t, p, to, unix.EADDRNOTAVAIL)
		}
		require.Equal(t, [flow.NumFailures]uint64{flow.FailureNoAddress: 3}, failedTo(k, to, 3), own)
	}
}

// TestRefusedThenNoRoute: what a refused connect has left in a socket is not the next
// one's. Then the way to the same peer is gone, or another peer has none.
func TestRefusedThenNoRoute(t *testing.T) {
	client, server := newPair(t)
	k := observe(t, Config{})
	to := netip.AddrPortFrom(server.IPv4, 4000)
	p := newPlug(t, client.NS)
	require.ErrorIs(t, p.connect(to), unix.ECONNREFUSED)
	link, err := client.Netlink().LinkByName(client.Link)
	require.NoError(t, err)
	require.NoError(t, client.Netlink().LinkSetDown(link))
	require.ErrorIs(t, p.connect(to), unix.ENETUNREACH)
	require.NoError(t, p.close())
	require.Equal(t, [flow.NumFailures]uint64{flow.FailureRefused: 1, flow.FailureNetworkUnreachable: 1}, failedTo(k, to, 2))

	place, nowhere := newPlace(t), netip.MustParseAddrPort("[2001:db8::9]:4001")
	require.ErrorIs(t, place.Try(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		require.ErrorIs(t, unix.Connect(fd, &unix.SockaddrInet6{Addr: place.IPv6.As16(), Port: 4000}), unix.ECONNREFUSED)
		return unix.Connect(fd, &unix.SockaddrInet6{Addr: nowhere.Addr().As16(), Port: 4001})
	}), unix.ENETUNREACH)
	require.Equal(t, [flow.NumFailures]uint64{flow.FailureNetworkUnreachable: 1}, failedTo(k, nowhere, 1))
}

// TestRefusedThenNoPort has such a socket find no port.
func TestRefusedThenNoPort(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{})
	listener := addressOf(p.Listen(netip.AddrPortFrom(p.IPv4, 0).String()))
	client := newPlug(t, p.NS)
	require.ErrorIs(t, client.connect(netip.AddrPortFrom(p.IPv4, 4000)), unix.ECONNREFUSED)
	p.SetSysctl("net.ipv4.ip_local_port_range", "1500 1501")
	for range 2 {
		conn, err := p.Dial(listener.String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	require.ErrorIs(t, client.connect(listener), unix.EADDRNOTAVAIL)
	require.NoError(t, client.close())
	require.Equal(t, [flow.NumFailures]uint64{flow.FailureNoAddress: 1}, failedTo(k, listener, 1))
}

// TestAttemptsOfOneSocket connects a socket twice in vain and then for good: what
// failed is told when it is tried again, and the connection is one.
func TestAttemptsOfOneSocket(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{})
	listener := p.Listen(p.IPv4.String() + ":0")
	nowhere := netip.MustParseAddrPort("203.0.113.9:84")
	client := newPlug(t, p.NS)
	for range 2 {
		require.ErrorIs(t, client.connect(nowhere), unix.ENETUNREACH)
	}
	require.NoError(t, client.connect(addressOf(listener)))
	failed := failedTo(k, nowhere, 2)
	require.Equal(t, [flow.NumFailures]uint64{flow.FailureNetworkUnreachable: 2}, failed)
	s := k.sum(to(addressOf(listener)))
	require.EqualValues(t, 1, s.Opened)
	require.Zero(t, total(s.Failed[:]))
}

// TestNoRouteOfMultipathTCP does the same with sockets of Multipath TCP: their first subflow
// is a socket of TCP that is connected as any other.
func TestNoRouteOfMultipathTCP(t *testing.T) {
	kernel.Require(t, kernel.MPTCP)
	p := newPlace(t)
	k := observe(t, Config{})
	to := netip.MustParseAddrPort("203.0.113.7:85")
	for range 3 {
		require.ErrorIs(t, p.Try(func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, unix.IPPROTO_MPTCP)
			require.NoError(t, err)
			defer unix.Close(fd)
			return unix.Connect(fd, sockaddr(to))
		}), unix.ENETUNREACH)
	}
	require.Equal(t, [flow.NumFailures]uint64{flow.FailureNetworkUnreachable: 3}, failedTo(k, to, 3))
}
