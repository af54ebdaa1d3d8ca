// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/expiry"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// congestionControls are all that this kernel has: BBR paces, CUBIC and Reno do not.
func congestionControls(t *testing.T) []string {
	t.Helper()
	return strings.Fields(netns.New(t).Sysctl("net.ipv4.tcp_available_congestion_control"))
}

// cubicAndBBR are those that differ most: BBR sends at a pace, and knows no loss.
func cubicAndBBR(t *testing.T) []string {
	t.Helper()
	both := []string{"cubic", "bbr"}
	require.Subset(t, congestionControls(t), both)
	return both
}

// TestEachConnectionIsExact compares each end of each connection with what its
// application did and what its socket said last.
func TestEachConnectionIsExact(t *testing.T) {
	for _, congestion := range congestionControls(t) {
		place := newPlace(t, netns.CongestionControl(congestion))
		for name, path := range places(place) {
			t.Run(congestion+" "+name, func(t *testing.T) {
				k := observe(t, Config{Granularity: GranularityConnection})
				scenarios := mixed()
				truths := path.Run(t, 4, scenarios...)
				k.untilClosed(2*len(scenarios), place.here())

				require.Len(t, k.keys(place.here()), 2*len(scenarios))
				for _, truth := range truths {
					requireExact(t, k, truth, flow.RoleClient)
					requireExact(t, k, truth, flow.RoleServer)
				}
			})
		}
	}
}

// places are the kinds of sockets that reach a place.
func places(p place) map[string]traffic.Path {
	mapped := traffic.Mapped(p.NS)
	mapped.Address = p.IPv4
	return map[string]traffic.Path{
		"IPv4":   traffic.Loopback(p.NS, p.IPv4.String()),
		"IPv6":   traffic.Loopback(p.NS, p.IPv6.String()),
		"mapped": mapped,
	}
}

// mixed is connections of many sizes and endings.
func mixed() (all []traffic.Scenario) {
	for _, side := range []traffic.Side{traffic.Client, traffic.Server} {
		all = append(all,
			traffic.Exchange(100, 300, 5000).ClosedBy(side),
			traffic.Exchange(1, 1, 1).OrphanedBy(side),
			traffic.Duplex(1_000_000).ClosedBy(side),
			traffic.HalfClosed(side, 2000, 300_000),
			traffic.HalfClosed(side, 0, 1),
			traffic.AbortedBy(side, 100_000),
			traffic.UnreadBy(side, 3000),
		)
		for _, n := range []int64{0, 1, 100_000_000} {
			stream := traffic.Stream(n).ClosedBy(side)
			stream.Name = fmt.Sprintf("%d bytes %s", n, stream.Name)
			all = append(all, stream)
		}
	}
	return all
}

// requireExact compares one end of a connection with its flow. Bytes that
// arrived and that nobody read are received all the same. Segments are compared
// where the socket could still be asked after the last one; for others see
// [TestSegmentsThatNoSocketCounts].
func requireExact(t *testing.T, k *collector, truth traffic.Truth, role flow.Role) {
	t.Helper()
	end := truth.Client
	if role == flow.RoleServer {
		end = truth.Server
	}
	name := fmt.Sprintf("%s: %s -> %s, %s", truth.Scenario, end.Local, end.Remote, end.Ending)
	s := k.sum(func(key flow.Key) bool {
		return key.Local == end.Local.Addr() && key.LocalPort == end.Local.Port() &&
			key.Remote == end.Remote.Addr() && key.RemotePort == end.Remote.Port() && key.Role == role
	})
	require.Equal(t, [2]uint64{end.Written, end.Read + end.Unread}, s.Bytes, name)
	require.EqualValues(t, 1, s.Opened, name)
	require.EqualValues(t, 1, s.closed(), name)
	if truth.Client.Ending == traffic.Ordered && truth.Server.Ending == traffic.Ordered {
		require.EqualValues(t, tcpinfo.StateClose, end.Info.State, name)
		requireSegments(t, end.Info, &s, name)
	}
}

func requireSegments(t *testing.T, info tcpinfo.Info, s *sum, name string) {
	t.Helper()
	require.Equal(t, [2]uint64{uint64(info.Segs_out), uint64(info.Segs_in)}, s.Segments, name)
	require.Equal(t, [2]uint64{uint64(info.Data_segs_out), uint64(info.Data_segs_in)}, s.DataSegments, name)
	require.EqualValues(t, info.Total_retrans, s.Retransmits, name)
}

// TestLossIsExact drops 2 % of all segments, those of handshakes too.
func TestLossIsExact(t *testing.T) {
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			requireLossExact(t, netns.CongestionControl(congestion))
		})
	}
}

// TestLossIsExactHoweverRecovered switches off what ends that find out what is missing are
// helped by, or on what they seldom use.
func TestLossIsExactHoweverRecovered(t *testing.T) {
	for name, value := range map[string]string{
		"tcp_ecn": "1", "tcp_sack": "0", "tcp_dsack": "0", "tcp_timestamps": "0", "tcp_frto": "0", "tcp_recovery": "0",
		"tcp_early_retrans": "0", "tcp_mtu_probing": "2", "tcp_retrans_collapse": "0", "tcp_window_scaling": "0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			marked := requireLossExact(t, netns.Sysctl("net.ipv4."+name, value))
			require.Equal(t, name == "tcp_ecn", marked > 0)
		})
	}
}

// requireLossExact returns how many segments were marked as having met congestion: none if
// neither end has asked for that.
func requireLossExact(t *testing.T, options ...netns.Option) (marked uint64) {
	t.Helper()
	client, server := newPair(t, options...)
	there, back := nft.New(t, server.NS), nft.New(t, client.NS)
	congested := there.Congest(nft.Input, 20)
	lostThere, lostBack := there.Drop(nft.Input, 20), back.Drop(nft.Input, 20)
	expiries := expiry.Watch(t, cgroup.Root(t))
	before := [2]mib.Counters{mib.Read(t, client.NS), mib.Read(t, server.NS)}
	k := observe(t, Config{Granularity: GranularityConnection})

	truths := traffic.Between(client.NS, server.NS, server.IPv4).Run(t, 100, lossy()...)
	here := at(client.IPv4, server.IPv4)
	k.untilClosed(2*len(truths), here)

	for _, truth := range truths {
		requireExact(t, k, truth, flow.RoleClient)
		requireExact(t, k, truth, flow.RoleServer)
	}
	for i, r := range []flow.Role{flow.RoleClient, flow.RoleServer} {
		s, ns := k.sum(role(r, here)), [2]*netns.NS{client.NS, server.NS}[i]
		requireKinds(t, &s, mib.Read(t, ns).Since(before[i]), r, expiries.Idle(ns))
	}
	require.NotZero(t, lostThere.Packets())
	require.NotZero(t, lostBack.Packets())
	return congested.Packets()
}

// lossy is connections that get to their end although segments are missing: no
// end relies on a RST, which is sent but once.
func lossy() (all []traffic.Scenario) {
	for _, side := range []traffic.Side{traffic.Client, traffic.Server} {
		all = append(all, traffic.Exchange(20, 300, 5000).ClosedBy(side).Times(20)...)
		all = append(all, traffic.Exchange(1, 1, 1).OrphanedBy(side).Times(20)...)
		all = append(all, traffic.HalfClosed(side, 2000, 300_000).Times(5)...)
		all = append(all, traffic.Stream(5_000_000).ClosedBy(side))
	}
	return all
}
