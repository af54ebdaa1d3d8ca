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
