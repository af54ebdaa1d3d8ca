// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestOverflow has room for 100 flows and makes 2,000, two for each connection.
// Detail is lost and told, totals are not.
func TestOverflow(t *testing.T) {
	const n, room = 1000, 100
	place := newPlace(t)
	k := observe(t, Config{MaxFlows: room, Granularity: GranularityConnection, Include: only(place)})
	var dialogues []*dialogue
	path := traffic.Loopback(place.NS, place.IPv4.String())
	path.Sources = []netip.Addr{place.IPv4} // the rule is about the peer's address
	for range n {
		d := converse(t, k, path, nil)
		d.clients(write(10))
		d.servers(arrive(10), write(7))
		dialogues = append(dialogues, d)
	}

	k.collect()
	own, spilled := k.sum(described), k.sum(overflown)
	require.Len(t, k.keys(described), room)
	require.Equal(t, []flow.Key{{Owner: k.keys(described)[0].Owner, Overflow: true}}, k.keys(overflown))
	requireSelf(t, k, k.keys(overflown)[0])
	require.EqualValues(t, room, own.Opened)
	require.EqualValues(t, 2*n-room, spilled.Opened)
	requireCoverage(t, k, room, 2*n-room)
	require.EqualValues(t, 2*n-room, k.report.Lost[flow.LostOverflow])
	require.LessOrEqual(t, k.report.Coverage(), float64(room)/(2*n))

	for _, d := range dialogues {
		d.clients(read(7), shut)
		d.servers(read(10), hear, shut)
		d.clients(hear, await, finish)
		d.servers(await, finish)
	}
	k.collect()
	requireCoverage(t, k, room, 2*n-room)
	k.collect()
	requireCoverage(t, k, 0, 0)
	var truths []traffic.Truth
	for _, d := range dialogues {
		truths = append(truths, traffic.Truth{Client: d.client.End(), Server: d.server.End()})
	}
	requireAllSums(t, k, truths, everything)
}

// TestOverflowWithoutRoom fills the processes' overflow too: what comes then goes to
// one flow of nobody.
func TestOverflowWithoutRoom(t *testing.T) {
	const n, room = 30, 10
	place := newPlace(t)
	k := observe(t, Config{MaxFlows: room, Granularity: GranularityConnection, Include: only(place)})
	path := traffic.Loopback(place.NS, place.IPv4.String())
	path.Sources = []netip.Addr{place.IPv4}
	var truths []traffic.Truth
	for range 2 { // epochs of both kinds
		crowd(t, k.objects.OverflowEven)
		crowd(t, k.objects.OverflowOdd)
		truths = append(truths, path.Run(t, 4, traffic.Exchange(2, 100, 1000).ClosedBy(traffic.Client).Times(n)...)...)
		k.collect()
		requireCoverage(t, k, room, 2*n-room)
	}
	require.EqualValues(t, 2*(2*n-room), k.sum(func(key flow.Key) bool { return key == flow.Key{Overflow: true} }).Opened)
	k.collect()
	requireCoverage(t, k, 0, 0)
	requireAllSums(t, k, truths, everything)
}

// crowd leaves no room in a map of owners, who are nobody.
func crowd(t *testing.T, m *ebpf.Map) {
	t.Helper()
	for i := range m.MaxEntries() {
		require.NoError(t, m.Put(&tcpwhyOwnerKey{Start: uint32(i + 1)}, &tcpwhyFlow{}))
	}
}

func everything(flow.Key) bool  { return true }
func overflown(k flow.Key) bool { return k.Overflow }
func described(k flow.Key) bool { return !k.Overflow }

// only are rules that leave out what others on this machine do. They are about the
// peer's address: clients' own ones are among more.
func only(p place, more ...netip.Addr) (rules []Rule) {
	for some := range slices.Chunk(slices.Concat(more, []netip.Addr{p.IPv4, p.IPv6}), MaxRuleCIDRs) {
		var rule Rule
		for _, a := range some {
			rule.CIDRs = append(rule.CIDRs, netip.PrefixFrom(a, a.BitLen()))
		}
		rules = append(rules, rule)
	}
	return rules
}

// requireCoverage compares the last report. Connections from before the kernel side that
// nobody has found are missed too; those are others'.
func requireCoverage(t *testing.T, k *collector, described, missed uint64) {
	t.Helper()
	require.Equal(t, described, k.report.Described)
	require.Equal(t, missed, k.report.Missed-k.report.Lost[flow.LostNotFound]-k.report.Lost[flow.LostRecursion])
}
