// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// TestGaugesOfASocket compares a sender that waits for its peer with what the kernel
// tells the application, before its FIN and after. The kernel's own queues count the FIN
// as a byte.
func TestGaugesOfASocket(t *testing.T) {
	shut := (*net.TCPConn).CloseWrite
	for name, test := range map[string]struct {
		client, server bool // has ended; the server first, unless state is CLOSING
		state          uint8
		fin            int
	}{
		"ESTABLISHED": {false, false, unix.BPF_TCP_ESTABLISHED, 0},
		"FIN_WAIT1":   {true, false, unix.BPF_TCP_FIN_WAIT1, 1},
		"CLOSE_WAIT":  {false, true, unix.BPF_TCP_CLOSE_WAIT, 0},
		"LAST_ACK":    {true, true, unix.BPF_TCP_LAST_ACK, 1},
		"CLOSING":     {true, true, unix.BPF_TCP_CLOSING, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			k := observe(t, Config{Granularity: GranularityConnection})
			listener := p.Listen(netip.AddrPortFrom(p.IPv4, 0).String())
			client, err := p.Dial(listener.Addr().String())
			require.NoError(t, err)
			server, err := listener.AcceptTCP()
			require.NoError(t, err)
			defer server.Close()
			fillUp(t, client)
			if test.state == unix.BPF_TCP_CLOSING {
				require.NoError(t, shut(client))
			}
			if test.server {
				require.NoError(t, shut(server))
				if test.state != unix.BPF_TCP_CLOSING {
					awaitState(t, client, unix.BPF_TCP_CLOSE_WAIT)
				}
			}
			if test.client && test.state != unix.BPF_TCP_CLOSING {
				require.NoError(t, shut(client))
			}
			awaitState(t, client, test.state)
			requireAsTold(t, k, client, addressOf(listener), test.fin)
		})
	}
}

func awaitState(t *testing.T, conn *net.TCPConn, state uint8) {
	t.Helper()
	require.Eventually(t, func() bool {
		info, err := tcpinfo.Get(conn)
		return err == nil && info.State == state
	}, patience, time.Millisecond)
}

// requireAsTold looks until nothing has moved meanwhile.
func requireAsTold(t *testing.T, k *collector, conn *net.TCPConn, at netip.AddrPort, fin int) {
	t.Helper()
	var info tcpinfo.Info
	var unacknowledged, unsent int
	var now flow.Gauges
	require.Eventually(t, func() bool {
		before, err := tcpinfo.Get(conn)
		require.NoError(t, err)
		k.collect()
		now = k.now(to(at))
		unacknowledged, unsent = queueOf(t, conn, unix.SIOCOUTQ), queueOf(t, conn, unix.SIOCOUTQNSD)
		info, err = tcpinfo.Get(conn)
		require.NoError(t, err)
		return still(info) == still(before)
	}, patience, time.Millisecond)
	require.EqualValues(t, unacknowledged-fin, now.QueueSend)
	require.EqualValues(t, unsent-fin, now.QueueUnsent)
	require.EqualValues(t, int(info.Notsent_bytes)-fin, now.QueueUnsent)
	require.Positive(t, now.QueueUnsent)
	require.Equal(t, info.Min_rtt+1, now.RTTMin)
	require.Equal(t, info.Snd_cwnd, now.CongestionWindow)
	require.Equal(t, info.Delivery_rate, now.DeliveryRate)
}

// still is what changes only as something is sent or comes: a segment that comes while the
// socket is locked is counted at once, and read later.
func still(info tcpinfo.Info) tcpinfo.Info {
	info.Last_data_sent, info.Last_ack_sent, info.Last_data_recv, info.Last_ack_recv = 0, 0, 0, 0
	info.Busy_time, info.Rwnd_limited, info.Sndbuf_limited = 0, 0, 0
	return info
}

func queueOf(t *testing.T, conn *net.TCPConn, request uint) (n int) {
	t.Helper()
	require.NoError(t, control(t, conn, func(fd int32) (err error) {
		n, err = unix.IoctlGetInt(int(fd), request)
		return err
	}))
	return n
}
