// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
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
