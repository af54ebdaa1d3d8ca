// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestZeroWindow has a server stop to read for five seconds, in each of which a
// sweep looks at it.
func TestZeroWindow(t *testing.T) {
	const seconds = 5
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			client, server := newPair(t, netns.CongestionControl(congestion))
			k := observe(t, Config{})
			d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), at(client.IPv4))
			begin := time.Now()
			written := make(chan error, 1)
			go func() { written <- d.client.Try(write(20_000_000), shut) }()
			d.closed()
			closed := time.Now()

			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for range seconds {
				<-tick.C
				d.requireClosed(begin, closed)
			}
			probes := d.probed(client)
			d.servers(read(20_000_000), hear, shut)
			require.NoError(t, <-written)
			d.clients(hear, await)
			k.untilClosed(2, d.match)
			s := k.sum(role(flow.RoleClient, d.match))
			requireTold(t, d.client, &s)
			require.Equal(t, probes, s.Probes, "one more may have been sent and forgotten")
		})
	}
}

// closed waits until the server's window is too small for anything more.
func (d *dialogue) closed() {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		info := d.client.Info(d.t)
		return info.Unacked == 0 && info.Notsent_bytes > 0 && info.Rwnd_limited > 0
	}, patience, time.Millisecond)
}

// requireClosed collects, and wants the time that the client was limited by the window
// to be that since it was closed, or as long as it is open at most. The socket's own
// words before and after it are closer.
func (d *dialogue) requireClosed(begin, closed time.Time) {
	d.t.Helper()
	jiffy, err := jiffy()
	require.NoError(d.t, err)
	least, before := time.Since(closed), d.client.Info(d.t).Rwnd_limited
	d.k.collect()
	after, most := d.client.Info(d.t).Rwnd_limited, time.Since(begin)
	s := d.k.sum(role(flow.RoleClient, d.match))
	limited := s.Time[flow.PhaseReceiveWindowLimited]
	d.t.Logf("%d ns limited, %s to %s, %d to %d µs", limited, least, most, before, after)
	require.GreaterOrEqual(d.t, limited+uint64(jiffy), uint64(least))
	require.LessOrEqual(d.t, limited, uint64(most)+uint64(jiffy))
	require.GreaterOrEqual(d.t, limited, before*1000)
	require.LessOrEqual(d.t, limited, after*1000)

	queue := d.k.now(role(flow.RoleServer, d.match)).QueueReceive
	require.EqualValues(d.t, d.server.Unread(d.t), queue)
	require.NotZero(d.t, queue)
}

// probed returns how many probes a sweep between two of them has counted: all.
func (d *dialogue) probed(client netns.Host) uint64 {
	d.t.Helper()
	for {
		before := mib.Read(d.t, client.NS)["TCPWinProbe"]
		d.k.collect()
		s := d.k.sum(role(flow.RoleClient, d.match))
		if before == mib.Read(d.t, client.NS)["TCPWinProbe"] {
			require.Equal(d.t, before, s.Probes)
			require.GreaterOrEqual(d.t, before, uint64(4), "in 0.2, 0.6, 1.4, and 3 seconds")
			return before
		}
	}
}
