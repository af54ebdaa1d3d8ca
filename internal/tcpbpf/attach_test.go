// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// ownGroup puts this process into a cgroup of its own, until the test ends.
func ownGroup(t testing.TB) (path string) {
	t.Helper()
	group := cgroup.New(t)
	group.Add(os.Getpid())
	return group.Path
}

// likeEthernet lets loopback carry single segments of the usual size.
func likeEthernet(t testing.TB, p place) {
	t.Helper()
	p.DisableOffloads("lo")
	lo, err := p.Netlink().LinkByName("lo")
	require.NoError(t, err)
	require.NoError(t, p.Netlink().LinkSetMTU(lo, 1500))
}

// TestOtherProgramKeepsWorking attaches another sock_ops program to the same
// cgroup, before ours or after it, that wants callbacks which we do not.
func TestOtherProgramKeepsWorking(t *testing.T) {
	const bytes = 3_000_000
	for name, first := range map[string]bool{"attached before": true, "attached after": false} {
		t.Run(name, func(t *testing.T) {
			group, other := ownGroup(t), newStranger(t, flagRTO|flagRetrans, true)
			if first {
				other.attach(group)
			}
			k := observe(t, Config{Cgroup: group, Granularity: GranularityConnection})
			if !first {
				other.attach(group)
			}
			p := newPlace(t)
			likeEthernet(t, p)
			nft.New(t, p.NS).Drop(nft.Input, 20, nft.Data())
			truth := traffic.Loopback(p.NS, p.IPv4.String()).Run(t, 1, traffic.Stream(bytes))[0]
			k.collect()

			retransmitted := uint64(truth.Client.Info.Total_retrans)
			require.NotZero(t, retransmitted)
			require.Equal(t, retransmitted, other.count(opRetrans), "its flags survive")
			require.EqualValues(t, 1, other.count(opActiveEstablished))
			require.EqualValues(t, 1, other.count(opPassiveEstablished))

			s := k.sum(role(flow.RoleClient, p.here()))
			require.Equal(t, retransmitted, s.Retransmits)
			require.EqualValues(t, bytes, s.Bytes[flow.Transmit])
			require.Greater(t, s.RTT, uint64(1), "ours survive")
			require.EqualValues(t, 1, s.Closed[flow.CloseFIN])
			require.Zero(t, k.report.Lost[flow.LostCallbacksCleared])
		})
	}
}

// TestOtherProgramsReplyStands lets another program decide on the first window.
func TestOtherProgramsReplyStands(t *testing.T) {
	p, group := newPlace(t), ownGroup(t)
	likeEthernet(t, p)
	window := func(attach ...func(t testing.TB)) (bytes uint32) {
		t.Run("", func(t *testing.T) {
			for _, a := range attach {
				a(t)
			}
			client, _ := traffic.Loopback(p.NS, p.IPv4.String()).Open(t)
			bytes = client.Info(t).Snd_wnd
		})
		return bytes
	}
	ours := func(t testing.TB) { observe(t, Config{Cgroup: group}) }
	other := func(t testing.TB) { newStranger(t, 0, true).attach(group) }

	usual := window()
	require.Equal(t, usual, window(ours))
	small := window(other)
	require.Less(t, small, usual)
	require.Equal(t, small, window(other, ours))
	require.Equal(t, small, window(ours, other))
}

// TestClearedCallbacksAreCounted attaches another program that overwrites our
// flags. Totals are exact all the same; coverage says that samples are missing.
func TestClearedCallbacksAreCounted(t *testing.T) {
	const connections, bytes = 5, 200
	p, group := newPlace(t), ownGroup(t)
	k := observe(t, Config{Cgroup: group, Granularity: GranularityConnection})
	newStranger(t, flagRetrans, false).attach(group)
	var clients, servers []*traffic.Conn
	for range connections {
		client, server := traffic.Loopback(p.NS, p.IPv4.String()).Open(t)
		exchange(t, client, server)
		exchange(t, client, server) // acknowledges the server's data
		clients, servers = append(clients, client), append(servers, server)
	}

	k.collect()
	require.EqualValues(t, 2*connections, k.report.Lost[flow.LostCallbacksCleared])
	for range 3 {
		require.EqualValues(t, 2*connections, k.report.Missed)
		require.Zero(t, k.report.Described)
		require.Less(t, k.report.Coverage(), 1.0)
		k.collect()
		require.Zero(t, k.report.Lost[flow.LostCallbacksCleared], "each is counted once")
	}

	for i, client := range clients {
		client.Act(t, traffic.Step{Verb: traffic.Shutdown})
		servers[i].Act(t, traffic.Step{Verb: traffic.Drain}, traffic.Step{Verb: traffic.Shutdown}, traffic.Step{Verb: traffic.Await}, traffic.Step{Verb: traffic.Close})
		client.Act(t, traffic.Step{Verb: traffic.Await}, traffic.Step{Verb: traffic.Close})
	}
	k.untilClosed(2*connections, p.here())
	s := k.sum(p.here())
	require.EqualValues(t, 2*connections*bytes, s.Bytes[flow.Transmit])
	require.EqualValues(t, 2*connections*bytes, s.Bytes[flow.Receive])
	require.EqualValues(t, 2*connections, s.Closed[flow.CloseFIN])
	require.Zero(t, k.report.Missed)
}

// TestReasonsWithoutCallbacks ends connections whose last state nobody sees.
func TestReasonsWithoutCallbacks(t *testing.T) {
	p, group := newPlace(t), ownGroup(t)
	k := observe(t, Config{Cgroup: group, Granularity: GranularityConnection})
	newStranger(t, flagRetrans, false).attach(group)
	orphans := traffic.Exchange(3, 100, 100)
	traffic.Loopback(p.NS, p.IPv4.String()).Run(t, 1, orphans.OrphanedBy(traffic.Client), orphans.OrphanedBy(traffic.Server),
		traffic.HalfClosed(traffic.Server, 100, 100_000), traffic.AbortedBy(traffic.Client, 100), traffic.UnreadBy(traffic.Server, 3000))
	k.untilClosed(2*5, p.here())

	have := make(map[flow.Role][flow.NumCloseReasons]uint64)
	for _, r := range []flow.Role{flow.RoleClient, flow.RoleServer} {
		have[r] = k.sum(role(r, p.here())).Closed
	}
	require.Equal(t, map[flow.Role][flow.NumCloseReasons]uint64{
		flow.RoleClient: {flow.CloseFIN: 3, flow.CloseResetSent: 1, flow.CloseResetReceived: 1},
		flow.RoleServer: {flow.CloseFIN: 3, flow.CloseResetSent: 1, flow.CloseResetReceived: 1},
	}, have)
}

// TestOnlyOfCgroup observes one cgroup, from which a connection leads to a
// process of another.
func TestOnlyOfCgroup(t *testing.T) {
	p, group := newPlace(t), cgroup.New(t)
	inside, outside := traffic.Start(t, p.NS, "inside"), traffic.Start(t, p.NS, "outside")
	group.Add(inside.PID)
	k := observe(t, Config{Cgroup: group.Path, Granularity: GranularityConnection})
	path, scenario := traffic.Loopback(p.NS, p.IPv4.String()), traffic.Exchange(1, 1, 1)
	path.RunBetween(t, inside, outside, 1, 1, scenario)
	path.RunBetween(t, outside, inside, 1, 1, scenario)
	path.Run(t, 1, scenario)
	k.untilClosed(2, p.here())

	keys := append(k.keys(role(flow.RoleClient, p.here())), k.keys(role(flow.RoleServer, p.here()))...)
	require.Len(t, keys, 2)
	for _, key := range keys {
		require.EqualValues(t, inside.PID, key.Owner.PID())
	}
}

// TestTwoKernels attaches two of ours, of which one goes first.
func TestTwoKernels(t *testing.T) {
	p := newPlace(t)
	first := observe(t, Config{Granularity: GranularityConnection})
	second := observe(t, Config{Granularity: GranularityConnection})
	client, server := traffic.Loopback(p.NS, p.IPv4.String()).Open(t)
	exchange(t, client, server)
	first.collect()
	second.collect()
	require.Len(t, second.keys(p.here()), 2)
	for _, key := range second.keys(p.here()) {
		one, other := *first.sums[key], *second.sums[key]
		// The second one asked later, and has another clock of the handshake.
		one.Time, other.Time = [flow.NumPhases]uint64{}, [flow.NumPhases]uint64{}
		one.SetupTime, other.SetupTime = 0, 0
		require.Equal(t, one, other)
	}

	require.NoError(t, first.Close())
	exchange(t, client, server)
	before := second.sum(role(flow.RoleClient, p.here()))
	second.collect()
	after := second.sum(role(flow.RoleClient, p.here()))
	require.Equal(t, before.Bytes[flow.Transmit]+100, after.Bytes[flow.Transmit])
	require.Equal(t, before.RTT+1, after.RTT)
}
