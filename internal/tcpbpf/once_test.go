// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"sync"
	"testing"
	"time"

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
			book := newLedger(k)

			stop := book.sweepOn(10)
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
	stop := newLedger(k).sweepOn(10)
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

// A ledger is a collector whose deltas go on to a table in which flows expire.
type ledger struct {
	*collector
	flows     map[*flow.Flow]bool // all that ever were
	expired   int
	intervals int
}

func newLedger(c *collector) *ledger {
	limits := flow.Limits{Flows: 65536, Overflows: 1, Idle: 10 * time.Millisecond}
	c.table = flow.NewTable(limits, instant(), c.Owner)
	return &ledger{collector: c, flows: make(map[*flow.Flow]bool)}
}

func instant() flow.Instant {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return flow.Instant{Wall: uint64(time.Now().UnixNano()), Boot: uint64(now.Nano())}
}

// interval ends an interval of the table. A flow that is gone is not changed any
// more: it holds what was exported of it.
func (l *ledger) interval() {
	l.table.Seal(instant(), l.report, true)
	for _, group := range l.table.Groups() {
		for _, f := range group.Flows {
			l.flows[f] = true
			if f.Ended() {
				l.expired++
			}
		}
	}
	l.table.Commit()
	l.intervals++
}

// sweepOn sweeps without a pause until stop or the test's end, and collects after
// that many sweeps.
func (l *ledger) sweepOn(sweeps int) (stop func()) {
	enough, end := make(chan struct{}), make(chan error, 1)
	go func() { end <- l.sweepUntil(enough, sweeps) }()
	stop = sync.OnceFunc(func() {
		close(enough)
		require.NoError(l.t, <-end)
	})
	l.t.Cleanup(stop)
	return stop
}

func (l *ledger) sweepUntil(enough chan struct{}, sweeps int) error {
	for {
		for range sweeps {
			if err := l.Sweep(); err != nil {
				return err
			}
		}
		if err := l.tryCollect(); err != nil {
			return err
		}
		if err := l.balance(); err != nil {
			return err
		}
		l.interval()
		select {
		case <-enough:
			return nil
		default:
		}
	}
}

// balance compares gauges and counters: what was opened and is not closed is open.
func (l *ledger) balance() error {
	for key, s := range l.sums {
		var live uint64
		for _, n := range s.Live {
			live += n
		}
		if s.Opened != s.closed()+live {
			return fmt.Errorf("balance %+v: %d opened, %d closed, %d open", key, s.Opened, s.closed(), live)
		}
	}
	return nil
}

// sum adds up all flows that the table ever had.
func (l *ledger) sum(match func(flow.Key) bool) (total sum) {
	for f := range l.flows {
		if match(f.Key) {
			s := held(f)
			total.add(&s)
		}
	}
	return total
}

func held(f *flow.Flow) sum {
	s := sum{
		Bytes: f.Bytes, Segments: f.Segments, DataSegments: f.DataSegments,
		Retransmits: f.Retransmits, Opened: f.Opened, Closed: f.Closed,
		RTT: counted(&f.RTT), RTTVariation: counted(&f.RTTVariation),
		ReceiveWindow: counted(&f.ReceiveWindow), SendWindow: counted(&f.SendWindow),
	}
	for state, n := range f.Live {
		s.Live[state] = uint64(n)
	}
	return s
}

func counted(h *flow.Histogram) uint64 {
	n := h.Zero()
	_, counts := h.AppendCounts(nil)
	for _, count := range counts {
		n += count
	}
	return n
}
