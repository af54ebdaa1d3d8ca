// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/rttlog"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestExactlyOnce lets 16 threads open and close connections while another one
// sweeps and collects without a pause, and flows expire after 10 ms. What meets
// at the same moment is counted neither twice nor never.
func TestExactlyOnce(t *testing.T) {
	for name, granularity := range map[string]Granularity{
		"all connections in two flows": GranularityEndpoint,
		"each end a flow that expires": GranularityConnection,
	} {
		t.Run(name, func(t *testing.T) {
			place := newPlace(t)
			log := rttlog.Start(t, cgroup.Root(t), place.NS)
			k := observe(t, Config{Granularity: granularity})
			book := newLedger(k, place.here())

			sweeps := 10
			if granularity == GranularityConnection {
				sweeps = 1 // flows expire by interval, however long a sweep takes
			}
			stop := book.sweepOn(sweeps)
			truths := traffic.Loopback(place.NS, place.IPv4.String()).Run(t, 16, hasty(400)...)
			stop()
			k.untilClosed(2*len(truths), place.here())
			book.interval()

			s := requireSums(t, k, truths, place.here())
			require.EqualValues(t, roundTrips(log.Samples()), s.RTT)
			require.Equal(t, s.RTT, s.RTTVariation)
			require.Equal(t, s.ReceiveWindow, s.SendWindow)
			require.GreaterOrEqual(t, s.ReceiveWindow, s.RTT)
			require.Equal(t, s, book.sum(place.here()))
			t.Logf("%d connections, %d intervals, %d flows expired", len(truths), book.intervals, book.expired)
			if granularity == GranularityConnection {
				require.Greater(t, book.expired, len(truths), "flows hardly expire")
			}
		})
	}
}

// TestExactlyOnceWithLoss is about retransmissions, which the kernel counts in
// two places, one after the other.
func TestExactlyOnceWithLoss(t *testing.T) {
	client, server := newPair(t, netns.CongestionControl("cubic"))
	for _, host := range []netns.Host{client, server} {
		nft.New(t, host.NS).Drop(nft.Input, 20, nft.Data())
	}
	k := observe(t, Config{})
	stop := newLedger(k, at(client.IPv6, server.IPv6)).sweepOn(10)
	truths := traffic.Between(client.NS, server.NS, server.IPv6).Run(t, 16,
		append(traffic.Exchange(50, 3000, 3000).ClosedBy(traffic.Client).Times(20),
			traffic.Duplex(2_000_000).ClosedBy(traffic.Server).Times(10)...)...)
	stop()
	here := at(client.IPv6, server.IPv6)
	k.untilClosed(2*len(truths), here)
	require.NotZero(t, requireAllSums(t, k, truths, here).Retransmits)
}

// hasty is short connections of every ending, n of each.
func hasty(n int) (all []traffic.Scenario) {
	for range n {
		for _, side := range []traffic.Side{traffic.Client, traffic.Server} {
			all = append(all,
				traffic.Exchange(3, 1, 1).ClosedBy(side),
				traffic.Exchange(1, 100, 10_000).OrphanedBy(side),
				traffic.Stream(1).ClosedBy(side),
				traffic.HalfClosed(side, 0, 70_000),
				traffic.AbortedBy(side, 1),
				traffic.UnreadBy(side, 1),
			)
		}
	}
	return all
}

// requireAllSums is [requireSums], of connections that all could be asked to the
// end: their segments too.
func requireAllSums(t *testing.T, k *collector, truths []traffic.Truth, match func(flow.Key) bool) sum {
	t.Helper()
	var want sum
	for _, truth := range truths {
		for _, end := range []traffic.End{truth.Client, truth.Server} {
			require.EqualValues(t, tcpinfo.StateClose, end.Info.State)
			want.add(told(end))
		}
	}
	got := requireSums(t, k, truths, match)
	require.Equal(t, want.Segments, got.Segments)
	require.Equal(t, want.DataSegments, got.DataSegments)
	require.Equal(t, want.Retransmits, got.Retransmits)
	return got
}

// requireSums compares the sum of all flows with the sum over all connections. Not
// segments: of those that were cut off, no socket counts all.
func requireSums(t *testing.T, k *collector, truths []traffic.Truth, match func(flow.Key) bool) sum {
	t.Helper()
	var want sum
	for _, truth := range truths {
		for _, end := range []traffic.End{truth.Client, truth.Server} {
			want.add(told(end))
		}
	}
	got := k.sum(match)
	require.Equal(t, want.Bytes, got.Bytes)
	require.EqualValues(t, 2*len(truths), got.Opened)
	require.EqualValues(t, 2*len(truths), got.closed())
	require.Zero(t, got.Live)
	return got
}

// told is what an application and its socket say.
func told(end traffic.End) *sum {
	i := end.Info
	return &sum{
		Bytes:        [2]uint64{end.Written, end.Read + end.Unread},
		Segments:     [2]uint64{uint64(i.Segs_out), uint64(i.Segs_in)},
		DataSegments: [2]uint64{uint64(i.Data_segs_out), uint64(i.Data_segs_in)},
		Retransmits:  uint64(i.Total_retrans),
	}
}

// roundTrips counts the samples that belong into the histogram.
func roundTrips(log []rttlog.Sample) (n int) {
	for _, s := range log {
		switch {
		case s.Op == rttlog.ActiveEstablished && s.RttUs != 0, // the client's SYN
			s.Op == rttlog.RTT && (s.State == unix.BPF_TCP_ESTABLISHED || s.State == unix.BPF_TCP_CLOSE_WAIT):
			n++
		}
	}
	return n
}
