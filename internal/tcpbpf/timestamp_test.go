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
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// withAndWithoutTimestamps calls fn with hosts that put timestamps into their segments, and
// with hosts that do not: there a segment that was sent again has no round trip (RFC 6298,
// Karn's algorithm).
func withAndWithoutTimestamps(t *testing.T, fn func(t *testing.T, d *dialogue, client, server netns.Host)) {
	for name, on := range map[string]string{"with timestamps": "1", "without": "0"} {
		t.Run(name, func(t *testing.T) {
			client, server := newPair(t, netns.Sysctl("net.ipv4.tcp_timestamps", on))
			k := observe(t, Config{Granularity: GranularityConnection})
			d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), nil)
			d.match = d.ports()
			fn(t, d, client, server)
		})
	}
}

// lose has a client write, and nothing of it arrive before it has been sent again.
func (d *dialogue) lose(f *nft.Filter, n int64, times uint32) {
	d.t.Helper()
	f.Drop(nft.Input, 1000, nft.Data())
	again := d.client.Info(d.t).Total_retrans + times
	d.clients(write(n))
	require.Eventually(d.t, func() bool { return d.client.Info(d.t).Total_retrans >= again }, patience, time.Millisecond)
	f.Clear()
}

// TestTimeoutsAreNoProbes: a timeout backs off by the number by which probes of a closed
// window do, and no window is closed here.
func TestTimeoutsAreNoProbes(t *testing.T) {
	withAndWithoutTimestamps(t, func(t *testing.T, d *dialogue, client, server netns.Host) {
		f := nft.New(t, server.NS)
		for range 2 {
			d.lose(f, 100, 3)
			d.k.collect()
			d.servers(read(100))
			d.clients(flush)
			d.k.collect()
		}
		d.clients(shut)
		d.servers(hear, shut)
		d.k.untilClosed(2, d.match)
		require.Zero(t, mib.Read(t, client.NS)["TCPWinProbe"])
		require.Zero(t, d.k.sum(role(flow.RoleClient, d.match)).Probes)
	})
}

// TestProbesAfterTimeouts closes a window when a timeout has been.
func TestProbesAfterTimeouts(t *testing.T) {
	withAndWithoutTimestamps(t, func(t *testing.T, d *dialogue, client, server netns.Host) {
		d.lose(nft.New(t, server.NS), 100, 2)
		d.servers(read(100))
		d.clients(flush)
		d.k.collect()
		const n = 20_000_000
		written := make(chan error, 1)
		go func() { written <- d.client.Try(write(n)) }()
		require.Eventually(t, func() bool { return mib.Read(t, client.NS)["TCPWinProbe"] >= 2 }, patience, time.Millisecond)
		d.k.collect()
		probes := mib.Read(t, client.NS)["TCPWinProbe"]
		told := d.k.sum(role(flow.RoleClient, d.match)).Probes
		d.servers(read(n))
		require.NoError(t, <-written)
		require.Equal(t, probes, told)
	})
}

// TestExchangesOfRepeatedRequests loses every third request.
func TestExchangesOfRepeatedRequests(t *testing.T) {
	withAndWithoutTimestamps(t, func(t *testing.T, d *dialogue, client, server netns.Host) {
		const rounds = 9
		f := nft.New(t, server.NS)
		for i := range rounds {
			if i%3 == 1 {
				d.lose(f, 100, 1)
			} else {
				d.clients(write(100))
			}
			d.servers(read(100), write(100))
			d.clients(read(100))
		}
		d.clients(shut)
		d.servers(hear, shut)
		d.k.untilClosed(2, d.match)
		for _, r := range []flow.Role{flow.RoleClient, flow.RoleServer} {
			require.EqualValues(t, rounds, d.k.sum(role(r, d.match)).Exchanges, r)
		}
	})
}

// TestAwaitingAfterRepeatedRequest: a client waits for a slow server, though its request
// had to be sent again.
func TestAwaitingAfterRepeatedRequest(t *testing.T) {
	withAndWithoutTimestamps(t, func(t *testing.T, d *dialogue, _, server netns.Host) {
		d.lose(nft.New(t, server.NS), 100, 1)
		d.servers(read(100))
		d.clients(flush)
		require.EqualValues(t, 1, d.awaiting())
		d.servers(write(100))
		d.clients(read(100))
		require.Zero(t, d.awaiting())
	})
}
