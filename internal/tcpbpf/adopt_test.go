// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// A scene is connections between two processes, which are older than the collector.
type scene struct {
	place
	t              *testing.T
	client, server *puppet
	address        string
}

// play opens n connections and lets them talk.
func play(t *testing.T, n int) scene {
	t.Helper()
	p := newPlace(t)
	s := scene{place: p, t: t, client: newPuppet(t, p, "older-client"), server: newPuppet(t, p, "older-server")}
	s.address = s.server.do("listen", p.IPv4.String()+":0", 0).Address
	s.client.do("connect", s.address, n)
	s.server.do("accept", "", n)
	s.talk(100)
	return s
}

// talk sends n bytes there and 2n bytes back on each connection.
func (s scene) talk(n int) {
	s.t.Helper()
	s.client.do("write", "", n)
	s.server.do("read", "", n)
	s.server.do("write", "", 2*n)
	s.client.do("read", "", 2*n)
}

// ends returns the totals of all ends. The client's ACK of the last data is the last
// segment: when the server has it, both have come to rest.
func (s scene) ends() map[*puppet][]puppetEnd {
	s.t.Helper()
	return map[*puppet][]puppetEnd{s.server: s.server.ends(), s.client: s.client.ends()}
}

// of matches the flow of an end.
func (e puppetEnd) of(k flow.Key) bool {
	return k.Local == e.Local.Addr() && k.LocalPort == e.Local.Port() && k.Remote == e.Remote.Addr() && k.RemotePort == e.Remote.Port()
}

// TestThousandOlderConnections opens them in ten namespaces, and compares each end with
// what its own socket says of the time since.
func TestThousandOlderConnections(t *testing.T) {
	const namespaces, each = 10, 100
	var scenes []scene
	for range namespaces {
		scenes = append(scenes, play(t, each))
	}
	before := make(map[*puppet][]puppetEnd)
	for _, s := range scenes {
		for u, ends := range s.ends() {
			before[u] = ends
		}
	}
	begin := time.Now()
	k := observe(t, Config{Granularity: GranularityConnection})
	k.collect()
	for _, s := range scenes {
		requireNothingYet(t, k, s, before, time.Since(begin))
	}
	called := callbacksOfOlder(t)
	for _, s := range scenes {
		s.talk(1000)
		after := s.ends()
		k.collect()
		for u, ends := range after {
			for i, end := range ends {
				requireSince(t, k, &before[u][i].Info, &end)
				requireRoundTrips(t, k, k.sum(end.of), called)
			}
		}
	}
	for i, s := range scenes {
		reasons := parting(s, i%2 == 0)
		k.untilClosed(2*each, s.here())
		for r, reason := range reasons {
			sum := k.sum(role(r, s.here()))
			require.EqualValues(t, each, sum.Closed[reason])
			require.EqualValues(t, each, sum.closed())
			require.Zero(t, sum.Lives, "nobody knows how long they lived")
			require.Zero(t, sum.Opened)
			require.Zero(t, sum.Live)
		}
	}
}

// requireNothingYet wants all ends to be there with owner and role, and no counter to
// have moved.
func requireNothingYet(t *testing.T, k *collector, s scene, before map[*puppet][]puppetEnd, wall time.Duration) {
	t.Helper()
	for r, u := range map[flow.Role]*puppet{flow.RoleClient: s.client, flow.RoleServer: s.server} {
		require.Len(t, k.keys(role(r, s.here())), len(before[u]))
		for _, end := range before[u] {
			keys := k.keys(role(r, end.of))
			require.Len(t, keys, 1, "flows of %s -> %s", end.Local, end.Remote)
			require.Equal(t, u.PID, keys[0].Owner.PID())
			require.NotEmpty(t, k.Owner(keys[0].Owner).Executable)
			sum := *k.sums[keys[0]]
			require.Less(t, sum.wall(), uint64(wall))
			require.EqualValues(t, 1, total(sum.Live[:]))
			sum.Time, sum.Live = [flow.NumPhases]uint64{}, [flow.NumStates]uint64{}
			sum.ReceiveWindow, sum.SendWindow = 0, 0 // are sampled where no round trip is
			require.Zero(t, sum)
		}
	}
}

// requireSince compares a flow with what its socket did since it was adopted.
func requireSince(t *testing.T, k *collector, before *tcpinfo.Info, end *puppetEnd) {
	t.Helper()
	s, now := k.sum(end.of), &end.Info
	require.Equal(t, [2]uint64{now.Bytes_sent - now.Bytes_retrans - before.Bytes_sent + before.Bytes_retrans,
		now.Bytes_received - before.Bytes_received}, s.Bytes, "%s -> %s", end.Local, end.Remote)
	require.Equal(t, [2]uint64{uint64(now.Segs_out - before.Segs_out), uint64(now.Segs_in - before.Segs_in)}, s.Segments)
	require.Equal(t, [2]uint64{uint64(now.Data_segs_out - before.Data_segs_out), uint64(now.Data_segs_in - before.Data_segs_in)},
		s.DataSegments)
	require.EqualValues(t, now.Total_retrans-before.Total_retrans, s.Retransmits)
}

// requireRoundTrips wants samples from callbacks, or else from sweeps, which lowers
// coverage.
func requireRoundTrips(t *testing.T, k *collector, s sum, called bool) {
	t.Helper()
	require.NotZero(t, s.RTT)
	if called {
		require.Zero(t, s.Kinds[flow.RetransmitUnknown])
		return
	}
	require.EqualValues(t, 1, s.RTT, "one a sweep")
	require.GreaterOrEqual(t, k.losses.progress.Predates, uint64(1))
	require.Less(t, k.report.Coverage(), 1.0)
}

// callbacksOfOlder reports whether this kernel can switch on what it calls back.
func callbacksOfOlder(t *testing.T) bool {
	t.Helper()
	can := false
	t.Run("callbacks of older sockets", func(t *testing.T) {
		kernel.Require(t, kernel.CallbackFlags)
		can = true
	})
	return can
}

// parting closes all connections, in order or not, and returns the reason at each end.
func parting(s scene, ordered bool) map[flow.Role]flow.CloseReason {
	s.t.Helper()
	if !ordered {
		s.client.do("abort", "", 0)
		return map[flow.Role]flow.CloseReason{flow.RoleClient: sent, flow.RoleServer: received}
	}
	s.client.do("shut", "", 0)
	s.server.do("drain", "", 0)
	s.server.do("close", "", 0)
	return map[flow.Role]flow.CloseReason{flow.RoleClient: fin, flow.RoleServer: fin}
}

// TestOlderUnheld adopts what no process holds, and counts what it does then.
func TestOlderUnheld(t *testing.T) {
	t.Run("not accepted", func(t *testing.T) {
		s := play(t, 1)
		s.server.do("close", "", 0)
		s.client.do("close", "", 0)
		s.client.do("connect", s.address, 1)
		s.client.do("write", "", 10)
		k := observe(t, Config{Granularity: GranularityConnection})
		s.server.do("accept", "", 1)
		s.client.do("write", "", 20)
		s.server.do("read", "", 30)
		requireOlder(t, k, s, flow.RoleServer, s.server.PID, [2]uint64{0, 20})
	})
	t.Run("on its way to another process", func(t *testing.T) {
		s := play(t, 1)
		s.server.do("give connection", "", 0)
		k := observe(t, Config{Granularity: GranularityConnection})
		s.client.do("write", "", 20)
		requireOlder(t, k, s, flow.RoleServer, s.server.PID, [2]uint64{0, 20})
	})
	t.Run("orphan", func(t *testing.T) {
		s := play(t, 1)
		s.client.do("fill", "", 0)
		sent := s.client.ends()[0].Info
		s.client.do("close", "", 0)
		k := observe(t, Config{Granularity: GranularityConnection})
		s.server.do("drain", "", 0)
		all := s.server.ends()[0].Info.Bytes_received - 1
		require.Greater(t, all, sent.Bytes_sent)
		requireOlder(t, k, s, flow.RoleClient, 0, [2]uint64{all - sent.Bytes_sent + sent.Bytes_retrans, 0})
		s.server.do("close", "", 0)
		k.untilClosed(2, s.here())
	})
	t.Run("half-closed", func(t *testing.T) {
		s := play(t, 1)
		s.client.do("shut", "", 0)
		s.server.do("drain", "", 0)
		k := observe(t, Config{Granularity: GranularityConnection})
		s.server.do("write", "", 20)
		s.client.do("read", "", 20)
		requireOlder(t, k, s, flow.RoleClient, s.client.PID, [2]uint64{0, 20})
		requireOlder(t, k, s, flow.RoleServer, s.server.PID, [2]uint64{20, 0})
		s.server.do("close", "", 0)
		k.untilClosed(2, s.here())
		require.EqualValues(t, 2, k.sumOf(s.here()).Closed[flow.CloseFIN])
		require.Equal(t, [2]uint64{20, 20}, k.sumOf(s.here()).Bytes)
	})
}

// sumOf is sum by reference.
func (c *collector) sumOf(match func(flow.Key) bool) *sum {
	s := c.sum(match)
	return &s
}

// requireOlder wants one flow of that role and owner, and bytes.
func requireOlder(t *testing.T, k *collector, s scene, r flow.Role, owner uint32, bytes [2]uint64) {
	t.Helper()
	k.until(func() bool { return k.sumOf(role(r, s.here())).Bytes == bytes })
	keys := k.keys(role(r, s.here()))
	require.Len(t, keys, 1)
	require.Equal(t, owner, keys[0].Owner.PID())
}

// TestOlderListenersChildren come later, in the same namespace and of two processes at
// one port.
func TestOlderListenersChildren(t *testing.T) {
	s := play(t, 2)
	k := observe(t, Config{Granularity: GranularityConnection})
	require.Equal(t, s.server.PID, acceptedBy(t, k, s.place, s.address))
	address := netip.MustParseAddrPort(s.address)
	other := newPuppet(t, s.place, "neighbour")
	next := other.do("listen", netip.AddrPortFrom(s.IPv4.Next(), address.Port()).String(), 0).Address
	client := newPuppet(t, s.place, "client")
	client.do("connect", next, 1)
	other.do("accept", "", 1)
	again := observe(t, Config{Granularity: GranularityConnection})
	again.collect()
	keys := again.keys(role(flow.RoleServer, at(address.Addr().Next())))
	require.Len(t, keys, 1)
	require.Equal(t, other.PID, keys[0].Owner.PID())
	for _, key := range again.keys(role(flow.RoleServer, at(address.Addr()))) {
		require.Equal(t, s.server.PID, key.Owner.PID())
	}
}
