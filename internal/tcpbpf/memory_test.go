// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"io"
	"net"
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

	var truths []traffic.Truth
	var own, spilled sum
	var before uint64
	// What this process gives back meanwhile is room: the race detector's memory is for one round.
	for round := uint64(1); round <= 5 && spilled.Opened == 0; round++ {
		budget.Exhaust()
		before = own.Opened
		truths = append(truths, path.Run(t, 16, scenarios...)...)
		k.collect()
		own, spilled = k.sum(described), k.sum(overflown)
		t.Logf("round %d: %d connections had a flow of their own, %d had none", round, own.Opened, spilled.Opened)
		require.Equal(t, 2*n*round, own.Opened+spilled.Opened)
	}
	require.NotZero(t, spilled.Opened)
	requireOwnFlows(t, k, truths)
	require.Equal(t, []flow.Key{{Owner: k.keys(described)[0].Owner, Overflow: true}}, k.keys(overflown))
	// Some had a flow only when they closed: samples before are in overflow.
	require.GreaterOrEqual(t, k.report.Lost[flow.LostOverflow], spilled.Opened)
	requireCoverage(t, k, own.Opened-before, spilled.Opened)
	requireAllSums(t, k, truths, everything)

	budget.Lift()
	truths = append(truths, path.Run(t, 16, scenarios...)...)
	k.collect()
	require.Zero(t, k.report.Lost[flow.LostOverflow])
	requireCoverage(t, k, 2*n, 0)
	requireAllSums(t, k, truths, everything)
}

// say writes so many bytes at one end and reads them at the other.
func say(t *testing.T, from, to *net.TCPConn, bytes int) {
	t.Helper()
	_, err := from.Write(make([]byte, bytes))
	require.NoError(t, err)
	_, err = io.ReadFull(to, make([]byte, bytes))
	require.NoError(t, err)
}

// requireOwnFlows looks at flows that are described: each is one connection's, or of those
// that had the same addresses and ports one after another.
func requireOwnFlows(t *testing.T, k *collector, truths []traffic.Truth) {
	t.Helper()
	connections := make(map[[2]netip.AddrPort]uint64)
	for _, truth := range truths {
		connections[[2]netip.AddrPort{truth.Client.Local, truth.Client.Remote}]++
	}
	for _, key := range k.keys(described) {
		client, server := netip.AddrPortFrom(key.Local, key.LocalPort), netip.AddrPortFrom(key.Remote, key.RemotePort)
		if key.Role == flow.RoleServer {
			client, server = server, client
		}
		n := connections[[2]netip.AddrPort{client, server}]
		require.NotZero(t, k.sums[key].Opened)
		require.LessOrEqual(t, k.sums[key].Opened, n)
	}
}

// TestOverflowWithoutMemory gives an overflow flow to as many owners as there is room for,
// while the kernel has no memory.
func TestOverflowWithoutMemory(t *testing.T) {
	k, _ := starve(t, newPlace(t))
	crowd(t, k.objects.OverflowEven)
	crowd(t, k.objects.OverflowOdd)
	for range 2 {
		k.collect()
		require.Equal(t, Fill{FillOverflow, 1024, 1024}, k.Fills()[1])
	}
}

// TestSweepWithoutMemory sweeps connections while the kernel has no memory for
// flows: what they did waits in their sockets, which is told.
func TestSweepWithoutMemory(t *testing.T) {
	const n = 1000
	k, budget := starving(t, n)
	var late uint64
	for range 4 {
		k.collect()
		filled := uint64(k.Fills()[0].Entries)
		late += 2*n - filled
		require.Equal(t, 2*n-filled, k.report.Lost[flow.LostDeferred])
		requireCoverage(t, k, filled, 2*n-filled)
		require.Zero(t, k.report.Lost[flow.LostOverflow])
		require.Zero(t, k.report.Lost[flow.LostSweepSkipped], "nobody is told of twice")
	}
	t.Logf("%d connections waited for an interval", late)
	require.NotZero(t, late, "there was memory enough")

	budget.Lift()
	k.collect()
	requireCoverage(t, k, 2*n, 0)
	require.Zero(t, k.report.Lost[flow.LostSweepSkipped])
	s := k.sum(described)
	require.EqualValues(t, 2*n, s.Opened)
	require.EqualValues(t, 2*n, s.Live[unix.BPF_TCP_ESTABLISHED])
	require.Equal(t, [2]uint64{n * (10 + 7), n * (10 + 7)}, s.Bytes)
}

// starving is a kernel side that gets no more memory, and so many connections. All are of
// one listener, which stays: where one goes a sweep may pass somebody over.
func starving(t *testing.T, n int) (*collector, *cgroup.Budget) {
	t.Helper()
	place := newPlace(t)
	gate := newGate(place, traffic.Loopback(place.NS, place.IPv4.String()))
	k, budget := starve(t, place)
	for range n {
		client, server := gate.open(t)
		say(t, client, server, 10)
		say(t, server, client, 7)
	}
	return k, budget
}

// TestDeferredIsPassedOver begins a sweep that visits nobody, after one that has deferred
// some: all have been passed over, which is told once.
func TestDeferredIsPassedOver(t *testing.T) {
	const n = 1000
	k, budget := starving(t, n)
	for range 4 {
		if k.collect(); k.report.Lost[flow.LostDeferred] > 0 {
			break
		}
	}
	require.NotZero(t, k.report.Lost[flow.LostDeferred], "there was memory enough")
	require.NoError(t, k.epoch.sweep())
	budget.Lift()
	k.collect()
	require.EqualValues(t, 2*n, k.report.Lost[flow.LostSweepSkipped])
	k.collect()
	require.Zero(t, k.report.Lost[flow.LostSweepSkipped])
}
