// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/expiry"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// An option is of a socket.
type option struct{ level, name, value int }

// TestTimeouts cuts the wire and waits until the kernel gives up: on data that
// nobody acknowledges, and on probes that nobody answers.
func TestTimeouts(t *testing.T) {
	for name, test := range map[string]struct {
		options []option
		written int
	}{
		"unacknowledged data": {[]option{{unix.SOL_TCP, unix.TCP_USER_TIMEOUT, 300}}, 10},
		"unanswered probes": {[]option{
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1}, {unix.SOL_TCP, unix.TCP_KEEPIDLE, 1},
			{unix.SOL_TCP, unix.TCP_KEEPINTVL, 1}, {unix.SOL_TCP, unix.TCP_KEEPCNT, 1},
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server := newPair(t)
			here := at(client.IPv4)
			listener := server.Listen(netip.AddrPortFrom(server.IPv4, 0).String())
			k := observe(t, Config{})
			conn, err := client.Dial(listener.Addr().String())
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			set(t, conn, test.options...)
			wire{t, client, server}.cut()
			_, err = conn.Write(make([]byte, test.written))
			require.NoError(t, err)

			info := tcpinfo.WaitClosed(t, conn)
			k.untilClosed(1, role(flow.RoleClient, here))
			s := k.sum(role(flow.RoleClient, here))
			require.Equal(t, reason(flow.CloseTimeout), s.Closed)
			require.Equal(t, [2]uint64{uint64(test.written), 0}, s.Bytes)
			requireSegments(t, info, &s, name)
			require.Equal(t, test.written > 0, s.Retransmits > 0)
			peer := k.sum(role(flow.RoleServer, here))
			require.EqualValues(t, 1, peer.Live[unix.BPF_TCP_ESTABLISHED], "the peer knows nothing")
			require.Zero(t, peer.closed())
		})
	}
}

func set(t *testing.T, conn *net.TCPConn, options ...option) {
	t.Helper()
	for _, o := range options {
		require.NoError(t, control(t, conn, func(fd int32) error {
			return unix.SetsockoptInt(int(fd), o.level, o.name, o.value)
		}))
	}
}

// TestTimeoutsThatSendNothing holds a segment back in the host's own queue: the timer
// expires as often as it likes and sends nothing until the segment has left the queue.
// The kernel counts those timeouts too.
func TestTimeoutsThatSendNothing(t *testing.T) {
	const bytes = 10_000
	client, server := newPair(t)
	expiries := expiry.Watch(t, cgroup.Root(t))
	k := observe(t, Config{})
	listener := server.Listen(netip.AddrPortFrom(server.IPv4, 0).String())
	conn, err := client.Dial(listener.Addr().String())
	require.NoError(t, err)
	peer, err := listener.AcceptTCP()
	require.NoError(t, err)
	link, err := client.Netlink().LinkByName(client.Link)
	require.NoError(t, err)
	queue := trickle(link.Attrs().Index)
	require.NoError(t, client.Netlink().QdiscAdd(queue))
	_, err = conn.Write(make([]byte, bytes))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return mib.Read(t, client.NS)["TCPTimeouts"] >= 2 }, patience, time.Millisecond)
	require.NoError(t, client.Netlink().QdiscDel(queue)) // what is in it is lost

	require.NoError(t, conn.CloseWrite())
	n, err := io.Copy(io.Discard, peer)
	require.NoError(t, err)
	require.EqualValues(t, bytes, n)
	require.NoError(t, peer.Close())
	require.NoError(t, conn.Close())
	k.untilClosed(2, at(client.IPv4))
	s := k.sum(role(flow.RoleClient, at(client.IPv4)))
	requireKinds(t, &s, mib.Read(t, client.NS), flow.RoleClient, expiries.Idle(client.NS))
	require.NotZero(t, expiries.Idle(client.NS))
	require.NotZero(t, s.Kinds[flow.RetransmitTimeout])
}
