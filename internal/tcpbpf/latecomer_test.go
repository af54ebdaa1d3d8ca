// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/latecomer"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/stall"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// TestSegmentForWhoIsDestroyed stops a segment between the look-up of its socket and the
// socket's lock until another CPU has closed that. The kernel counts the segment in a
// total that nobody can be told of any more: a witness knows of it, and of no other.
func TestSegmentForWhoIsDestroyed(t *testing.T) {
	client, server := newPair(t, netns.Sysctl("net.ipv4.tcp_max_tw_buckets", "0"))
	k := observe(t, Config{Granularity: GranularityConnection})
	witness := latecomer.Watch(t)
	listener := server.Listen(netip.AddrPortFrom(server.IPv4, 0).String())
	late := uint64(0)
	for attempt := 1; late == 0; attempt++ {
		require.LessOrEqual(t, attempt, 10, "no segment comes in time")
		plug, conn, segment := halfClosed(t, client, listener)
		overtake(t, plug, segment, server.NS, plug.close)
		require.NoError(t, conn.Close())
		k.untilClosed(2*attempt, at(client.IPv4))
		s := k.sum(role(flow.RoleClient, at(client.IPv4)))
		late = witness.To(client.IPv4).Untold
		require.Equal(t, mib.Read(t, client.NS)["InSegs"], s.Segments[flow.Receive]+late)
	}
	require.EqualValues(t, 1, late)
	require.Zero(t, witness.To(client.IPv4).Resets)
	require.Zero(t, witness.To(server.IPv4))
}

// TestSegmentForWhoIsClosed has a segment wait in the same way for a socket that is closed and
// still has its descriptor: what it says then has the segment in it.
func TestSegmentForWhoIsClosed(t *testing.T) {
	client, server := newPair(t, netns.Sysctl("net.ipv4.tcp_max_tw_buckets", "0"))
	k := observe(t, Config{Granularity: GranularityConnection})
	listener := server.Listen(netip.AddrPortFrom(server.IPv4, 0).String())
	received := uint64(0)
	for attempt, held := 1, false; !held; attempt++ {
		require.LessOrEqual(t, attempt, 10, "no segment comes in time")
		plug, conn, segment := halfClosed(t, client, listener)
		held = overtake(t, plug, segment, server.NS, func() error {
			if err := plug.do(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) }); err != nil {
				return err
			}
			received += uint64(tcpinfo.WaitClosed(t, plug.file).Segs_in)
			return plug.close()
		})
		require.NoError(t, conn.Close())
		k.untilClosed(2*attempt, at(client.IPv4))
	}
	require.Equal(t, mib.Read(t, client.NS)["InSegs"], received)
	require.Equal(t, received, k.sum(role(flow.RoleClient, at(client.IPv4))).Segments[flow.Receive])
}

// halfClosed is a connection whose server has sent its FIN, and a segment that the server could
// send as well.
func halfClosed(t *testing.T, client netns.Host, listener *net.TCPListener) (plug, *net.TCPConn, rawSegment) {
	t.Helper()
	plug := newPlug(t, client.NS)
	require.NoError(t, plug.connect(addressOf(listener)))
	conn, err := listener.AcceptTCP()
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	plug.in(unix.BPF_TCP_CLOSE_WAIT)
	return plug, conn, rawSegment{addressOf(listener), conn.RemoteAddr().(*net.TCPAddr).AddrPort(), flagACK}
}

// overtake has a segment wait on one CPU while a socket is closed on another one, to the
// end: the ACK of its FIN comes at once.
func overtake(t *testing.T, p plug, late rawSegment, from *netns.NS, closing func() error) (held bool) {
	t.Helper()
	var segment *stall.Stall
	require.NoError(t, p.do(func(fd int) error {
		segment = stall.Segment(t, fd)
		return nil
	}))
	segment.Arm()
	sent := make(chan error, 1)
	go func() { sent <- stall.OnCPU(0, func() error { return late.try(from) }) }()
	require.NoError(t, stall.OnCPU(1, func() error {
		for !segment.Held() && len(sent) == 0 {
			runtime.Gosched()
		}
		held = segment.Held()
		defer segment.Release()
		return closing()
	}))
	require.NoError(t, <-sent)
	return held
}
