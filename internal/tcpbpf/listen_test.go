// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
)

// narrow listens with an accept queue of one, and accepts nothing.
func narrow(t *testing.T, p place) *net.TCPListener {
	t.Helper()
	listener := p.Listen(netip.AddrPortFrom(p.IPv4, 0).String())
	require.NoError(t, control(t, listener, func(fd int32) error { return unix.Listen(int(fd), 1) }))
	return listener
}

// besiege lets so many clients connect to a listener that accepts none, until the
// namespace has counted overflows. A queue of 1 has room for 2.
func besiege(t *testing.T, p place, to netip.AddrPort, clients int) {
	t.Helper()
	for range clients {
		fd := newNonblocking(t, p)
		require.ErrorIs(t, fd.connect(to), unix.EINPROGRESS)
	}
	require.Eventually(t, func() bool { return mib.Read(t, p.NS)["ListenOverflows"] >= uint64(clients)-2 }, patience, time.Millisecond)
}

func newNonblocking(t *testing.T, p place) plug {
	t.Helper()
	client := newPlug(t, p.NS)
	require.NoError(t, client.do(func(fd int) error { return unix.SetNonblock(fd, true) }))
	return client
}

func listening(at netip.AddrPort) func(flow.Key) bool {
	return role(flow.RoleListener, func(k flow.Key) bool { return k.Local == at.Addr() && k.LocalPort == at.Port() })
}

// TestAcceptQueue compares a listener's numbers with those of its namespace, while it
// lives and after it is closed, whether the collector saw it begin or not.
func TestAcceptQueue(t *testing.T) {
	for name, old := range map[string]bool{"old": true, "new": false} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			var k *collector
			if !old {
				k = observe(t, Config{})
			}
			listener := narrow(t, p)
			if old {
				t.Run("before us", func(t *testing.T) { // and ends: nobody tries again later
					besiege(t, p, addressOf(listener), 3)
				})
				k = observe(t, Config{})
			}
			before := mib.Read(t, p.NS)
			besiege(t, p, addressOf(listener), 50)
			at := addressOf(listener)

			var overflows, counted uint64
			for { // clients try again meanwhile
				counted = mib.Read(t, p.NS).Since(before)["ListenOverflows"]
				k.collect()
				overflows = k.sum(listening(at)).Overflows
				if mib.Read(t, p.NS).Since(before)["ListenOverflows"] == counted {
					break
				}
			}
			require.Equal(t, counted, overflows)
			s := k.sum(listening(at))
			require.Zero(t, s.Opened)
			require.Len(t, k.keys(listening(at)), 1)
			now := k.gauges[k.keys(listening(at))[0]]
			require.EqualValues(t, 1, now.ListenLimit)
			require.EqualValues(t, 2, now.ListenQueue)

			require.NoError(t, listener.Close())
			k.collect()
			require.GreaterOrEqual(t, k.sum(listening(at)).Overflows, overflows)
		})
	}
}

// TestResetsAreNoOverflows: a scan and half-open health checks are drops of the listener,
// by the kernel's own account, and not one that its queue is full. That is known once a
// listener has dropped something.
func TestResetsAreNoOverflows(t *testing.T) {
	kernel.Require(t, kernel.SocketOfDrop)
	const n = 20
	p := newPlace(t)
	k := observe(t, Config{})
	listener := narrow(t, p)
	at, before := addressOf(listener), mib.Read(t, p.NS)
	probe := func(flags byte, from uint16, times uint16) {
		for port := range times {
			rawSegment{netip.AddrPortFrom(p.IPv4, from+port), at, flags}.send(t, p.NS)
		}
	}
	told := k.drops.link != nil // a listener of somebody else has dropped something
	probe(flagRST, 1000, 1)
	require.EqualValues(t, 1, droppedBy(t, listener))
	k.collect()
	require.NotNil(t, k.drops.link)
	first := k.sum(listening(at)).Overflows
	require.Equal(t, !told, first == 1, first)

	probe(flagSYN, 2000, n)
	probe(flagRST, 3000, n)
	probe(flagRST|flagACK, 4000, n)
	require.Eventually(t, func() bool { return mib.Read(t, p.NS).Since(before)["EmbryonicRsts"] == n }, patience, time.Millisecond)
	require.EqualValues(t, 1+2*n, droppedBy(t, listener), "half-open ones, and those without an ACK")
	require.Zero(t, mib.Read(t, p.NS).Since(before)["ListenDrops"])
	k.collect()
	require.Equal(t, first, k.sum(listening(at)).Overflows)

	besiege(t, p, at, 5)
	require.NoError(t, listener.Close())
	k.collect()
	require.Equal(t, mib.Read(t, p.NS).Since(before)["ListenOverflows"], k.sum(listening(at)).Overflows-first)
}

// TestResetsOfOlderListener: who finds a listener that has dropped something before tells
// RSTs apart from the beginning.
func TestResetsOfOlderListener(t *testing.T) {
	kernel.Require(t, kernel.SocketOfDrop)
	p := newPlace(t)
	listener := narrow(t, p)
	at := addressOf(listener)
	rst := rawSegment{netip.AddrPortFrom(p.IPv4, 1000), at, flagRST}
	rst.send(t, p.NS)
	k := observe(t, Config{})
	require.NotNil(t, k.drops.link)
	rst.send(t, p.NS)
	require.EqualValues(t, 2, droppedBy(t, listener))
	k.collect()
	require.Zero(t, k.sum(listening(at)).Overflows)
}

// tellDrops tells RSTs apart before any listener has dropped something.
func (c *collector) tellDrops() {
	if c.drops.link == nil && c.objects.programs[ProgramDrop] != nil {
		require.NoError(c.t, c.drops.attach())
	}
}

// droppedBy is what the kernel says of a socket.
func droppedBy(t *testing.T, listener *net.TCPListener) (n uint32) {
	t.Helper()
	require.NoError(t, control(t, listener, func(fd int32) (err error) {
		n, err = dropped(int(fd))
		return err
	}))
	return n
}

func dropped(listener int) (uint32, error) {
	var info [unix.SK_MEMINFO_VARS]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(listener), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, errno
	}
	return info[unix.SK_MEMINFO_DROPS], nil
}
