// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

func TestMain(m *testing.M) {
	traffic.Child()
	goleak.VerifyTestMain(m)
}

func TestBothEndsAgree(t *testing.T) {
	for name, path := range paths(t) {
		t.Run(name, func(t *testing.T) {
			for _, truth := range path.Run(t, 4, scenarios()...) {
				t.Run(truth.Scenario, func(t *testing.T) {
					client, server := truth.Client, truth.Server
					require.Equal(t, client.Local, server.Remote)
					require.Equal(t, server.Local, client.Remote)
					require.Equal(t, path.Address, server.Local.Addr())
					require.Equal(t, client.Written, server.Read+server.Unread)
					require.Equal(t, server.Written, client.Read+client.Unread)
				})
			}
		})
	}
}

// TestKernelAgrees compares what applications counted with their sockets'
// totals. A received FIN is one byte in the kernel's count.
func TestKernelAgrees(t *testing.T) {
	path := traffic.Loopback(netns.New(t), "127.0.0.1")
	for _, truth := range path.Run(t, 4, scenarios()...) {
		t.Run(truth.Scenario, func(t *testing.T) {
			for _, end := range []traffic.End{truth.Client, truth.Server} {
				fin := uint64(0)
				if end.Ending == traffic.Ordered {
					fin = 1
				}
				if truth.Client.Ending == traffic.Ordered && truth.Server.Ending == traffic.Ordered {
					require.EqualValues(t, tcpinfo.StateClose, end.Info.State)
				}
				require.Equal(t, end.Written, end.Info.Bytes_sent-end.Info.Bytes_retrans)
				if end.Ending != traffic.Orphan {
					require.Equal(t, end.Read+end.Unread+fin, end.Info.Bytes_received)
				}
			}
		})
	}
}

func TestScenariosEndAsTheySay(t *testing.T) {
	path := traffic.Loopback(netns.New(t), "127.0.0.1")
	for _, test := range []struct {
		scenario       traffic.Scenario
		client, server traffic.Ending
	}{
		{traffic.Stream(1), traffic.Ordered, traffic.Ordered},
		{traffic.Stream(1).OrphanedBy(traffic.Client), traffic.Orphan, traffic.Ordered},
		{traffic.HalfClosed(traffic.Server, 10, 20), traffic.Ordered, traffic.Ordered},
		{traffic.AbortedBy(traffic.Server, 100), traffic.Reset, traffic.Aborted},
		{traffic.UnreadBy(traffic.Client, 100), traffic.Unread, traffic.Reset},
	} {
		truth := path.Run(t, 1, test.scenario)[0]
		require.Equal(t, test.client, truth.Client.Ending, truth.Scenario)
		require.Equal(t, test.server, truth.Server.Ending, truth.Scenario)
	}
}

func TestShortConns(t *testing.T) {
	path := traffic.Loopback(netns.New(t), "127.0.0.1")
	client, server := traffic.Sum(path.ShortConns(t, 5000, 16))
	require.Equal(t, traffic.Totals{Connections: 5000, Written: 5000, Read: 5000}, client)
	require.Equal(t, client, server)
}

func TestStepByStep(t *testing.T) {
	client, server := traffic.Mapped(netns.New(t)).Open(t)
	client.Act(t, traffic.Step{Verb: traffic.Write, Bytes: 100})
	server.Act(t, traffic.Step{Verb: traffic.Arrive, Bytes: 100}, traffic.Step{Verb: traffic.Read, Bytes: 60})
	client.Act(t, traffic.Step{Verb: traffic.Flush})
	require.EqualValues(t, 100, client.End().Written)
	require.EqualValues(t, 60, server.End().Read)
	require.EqualValues(t, 100, client.Info(t).Bytes_acked-1, "the SYN is acknowledged as a byte")
	server.Act(t, traffic.Step{Verb: traffic.Close})
	require.EqualValues(t, 40, server.End().Unread)
}

func BenchmarkShortConns(b *testing.B) {
	path := traffic.Loopback(netns.New(b), "127.0.0.1")
	path.ShortConns(b, b.N, 16)
}

func paths(t *testing.T) map[string]traffic.Path {
	ns := netns.New(t)
	client, server := netns.Pair(t)
	return map[string]traffic.Path{
		"IPv4":               traffic.Loopback(ns, "127.0.0.1"),
		"IPv6":               traffic.Loopback(ns, "::1"),
		"mapped":             traffic.Mapped(ns),
		"IPv4 between hosts": traffic.Between(client.NS, server.NS, server.IPv4),
		"IPv6 between hosts": traffic.Between(client.NS, server.NS, server.IPv6),
	}
}

func scenarios() (all []traffic.Scenario) {
	for _, side := range []traffic.Side{traffic.Client, traffic.Server} {
		all = append(all,
			traffic.Exchange(100, 300, 5000).ClosedBy(side),
			traffic.Exchange(1, 1, 1).OrphanedBy(side),
			traffic.Duplex(1_000_000).ClosedBy(side),
			traffic.HalfClosed(side, 2000, 300_000),
			traffic.AbortedBy(side, 100_000),
			traffic.UnreadBy(side, 3000),
		)
		for _, n := range []int64{0, 1, 10_000_000} {
			stream := traffic.Stream(n).ClosedBy(side)
			stream.Name = fmt.Sprintf("%d bytes %s", n, stream.Name)
			all = append(all, stream)
		}
	}
	return all
}
