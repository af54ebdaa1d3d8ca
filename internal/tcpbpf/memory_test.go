// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// starve attaches a kernel side that gets no more memory.
func starve(t *testing.T, place place) (*collector, *cgroup.Budget) {
	t.Helper()
	budget := cgroup.NewBudget(t)
	var k *collector
	budget.Charge(func() {
		k = observe(t, Config{MaxFlows: 65536, Granularity: GranularityConnection, Include: only(place)})
	})
	budget.Exhaust()
	return k, budget
}

// TestCloseWithoutMemory closes connections while the kernel has no memory for
// flows, although there is room: what they did is in overflow, and told.
func TestCloseWithoutMemory(t *testing.T) {
	const n = 1000
	place := newPlace(t)
	path := traffic.Loopback(place.NS, place.IPv4.String())
	path.Sources = []netip.Addr{place.IPv4}
	k, budget := starve(t, place)
	scenarios := traffic.Exchange(3, 100, 1000).ClosedBy(traffic.Client).Times(n)

	truths := path.Run(t, 16, scenarios...)
	k.collect()
	own, spilled := k.sum(described), k.sum(overflown)
	t.Logf("%d connections had a flow of their own, %d had none", own.Opened, spilled.Opened)
	require.NotZero(t, spilled.Opened)
	require.EqualValues(t, own.Opened, len(k.keys(described)))
	// Some had a flow only when they closed: samples before are in overflow.
	require.GreaterOrEqual(t, k.report.Lost[flow.LostOverflow], spilled.Opened)
	requireCoverage(t, k, own.Opened, spilled.Opened)
	requireAllSums(t, k, truths, everything)

	budget.Lift()
	truths = append(truths, path.Run(t, 16, scenarios...)...)
	k.collect()
	require.Zero(t, k.report.Lost[flow.LostOverflow])
	requireCoverage(t, k, 2*n, 0)
	requireAllSums(t, k, truths, everything)
}

// TestSweepWithoutMemory sweeps connections while the kernel has no memory for
// flows: what they did waits in their sockets, which is told.
func TestSweepWithoutMemory(t *testing.T) {
	const n = 1000
	place := newPlace(t)
	path := traffic.Loopback(place.NS, place.IPv4.String())
	path.Sources = []netip.Addr{place.IPv4}
	k, budget := starve(t, place)
	for range n {
		d := converse(t, k, path, nil)
		d.clients(write(10))
		d.servers(arrive(10), write(7))
	}
	var late uint64
	for range 4 {
		k.collect()
		filled := uint64(k.Fills()[0].Entries)
		late += 2*n - filled
		require.Equal(t, 2*n-filled, k.report.Lost[flow.LostDeferred])
		requireCoverage(t, k, filled, 2*n-filled)
		require.Zero(t, k.report.Lost[flow.LostOverflow])
	}
	t.Logf("%d connections waited for an interval", late)
	require.NotZero(t, late, "there was memory enough")

	budget.Lift()
	k.collect()
	requireCoverage(t, k, 2*n, 0)
	s := k.sum(described)
	require.EqualValues(t, 2*n, s.Opened)
	require.EqualValues(t, 2*n, s.Live[unix.BPF_TCP_ESTABLISHED])
	require.Equal(t, [2]uint64{n * (10 + 7), n * (10 + 7)}, s.Bytes)
}
