// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
)

// listen has an accept queue of one.
func (p plug) listen() error {
	return p.do(func(fd int) error { return unix.Listen(fd, 1) })
}

// hangUp shuts a listener down, so that its socket may begin another life.
func (p plug) hangUp() error {
	return p.do(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) })
}

// at is the socket's own address.
func (p plug) at() (address netip.AddrPort) {
	p.t.Helper()
	require.NoError(p.t, p.do(func(fd int) error {
		own, err := unix.Getsockname(fd)
		if err == nil {
			v4 := own.(*unix.SockaddrInet4)
			address = netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port))
		}
		return err
	}))
	return address
}

// TestListenAfterFailedConnect: what failed is told as the socket listens, and once.
func TestListenAfterFailedConnect(t *testing.T) {
	for name, c := range map[string]struct {
		to   func(place) netip.AddrPort
		want error
		why  flow.Failure
	}{
		"no route": {func(place) netip.AddrPort { return netip.MustParseAddrPort("203.0.113.11:86") }, unix.ENETUNREACH, flow.FailureNetworkUnreachable},
		"refused":  {func(p place) netip.AddrPort { return netip.AddrPortFrom(p.IPv4, 87) }, unix.ECONNREFUSED, flow.FailureRefused},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			k := observe(t, Config{})
			to := c.to(p)
			var want [flow.NumFailures]uint64
			want[c.why] = 1
			socket := newPlug(t, p.NS)
			require.ErrorIs(t, socket.connect(to), c.want)
			require.NoError(t, socket.listen())
			at := socket.at()
			k.collect()
			failures := func(k flow.Key) bool { return k.Remote == to.Addr() && k.RemotePort == to.Port() }
			require.Equal(t, want, k.sum(failures).Failed, "before the socket is closed")
			local := role(flow.RoleListener, func(k flow.Key) bool { return k.LocalPort == at.Port() })
			require.Len(t, k.keys(local), 1)
			require.EqualValues(t, 1, k.gauges[k.keys(local)[0]].ListenLimit)

			before := mib.Read(t, p.NS)
			besiege(t, p, netip.AddrPortFrom(p.IPv4, at.Port()), 10)
			require.NoError(t, socket.close())
			k.collect()
			require.Equal(t, mib.Read(t, p.NS).Since(before)["ListenOverflows"], k.sum(local).Overflows)
			require.Equal(t, want, k.sum(failures).Failed, "once")
		})
	}
}

// TestListenAgain shuts a listener down before a sweep has seen what it dropped. Its
// socket listens again, at the same port and at another one, or connects.
func TestListenAgain(t *testing.T) {
	for name, again := range map[string]func(plug, netip.AddrPort) error{
		"there":     func(p plug, _ netip.AddrPort) error { return p.listen() },
		"elsewhere": func(p plug, _ netip.AddrPort) error { return p.listen() },
		"connects":  func(p plug, to netip.AddrPort) error { return p.connect(to) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			k := observe(t, Config{})
			other := addressOf(p.Listen(netip.AddrPortFrom(p.IPv4, 0).String()))
			own := netip.AddrPortFrom(p.IPv4, 4010)
			if name == "elsewhere" {
				own = netip.AddrPortFrom(p.IPv4, 0) // a port that is chosen is given back
			}
			socket := newPlug(t, p.NS)
			require.NoError(t, socket.bind(own))
			require.NoError(t, socket.listen())
			first := socket.at()
			besiege(t, p, first, 10)
			require.NoError(t, socket.hangUp())
			require.NoError(t, again(socket, other))
			want := mib.Read(t, p.NS)["ListenOverflows"]
			k.collect()
			require.Equal(t, want, k.sum(listening(first)).Overflows)
			require.NoError(t, socket.close())
			k.collect()
			require.Equal(t, want, k.sum(listening(first)).Overflows, "once")
		})
	}
}
