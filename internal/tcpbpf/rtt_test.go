// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/rttlog"
	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestHistogramsEqualLog compares each connection's histograms with the log of
// an independent program, sample by sample. Connections are closed before the
// only sweep, so that it adds none.
func TestHistogramsEqualLog(t *testing.T) {
	for name, act := range map[string]func(testing.TB, place){
		"exchanges": func(t testing.TB, p place) {
			path := traffic.Loopback(p.NS, p.IPv4.String())
			path.Run(t, 8, traffic.Exchange(25, 300, 5000).Times(40)...)
		},
		"streams": func(t testing.TB, p place) {
			path := traffic.Loopback(p.NS, p.IPv6.String())
			path.Run(t, 2, traffic.Duplex(3_000_000), traffic.Stream(20_000_000), traffic.AbortedBy(traffic.Client, 100_000),
				traffic.HalfClosed(traffic.Client, 2000, 3_000_000), traffic.HalfClosed(traffic.Server, 2000, 3_000_000))
		},
		"loss": func(t testing.TB, p place) {
			likeEthernet(t, p)
			nft.New(t, p.NS).Drop(nft.Input, 20, nft.Data())
			path := traffic.Loopback(p.NS, p.IPv4.String())
			path.Run(t, 2, traffic.Stream(3_000_000), traffic.Exchange(100, 1, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			k := observe(t, Config{Granularity: GranularityConnection})
			log := rttlog.Start(t, cgroup.Root(t), p.NS)
			act(t, p)
			requireLogged(t, k, p, log)
		})
	}
}

// requireLogged compares what is observed of a place with a log of it.
func requireLogged(t testing.TB, k *collector, p place, log *rttlog.Log) trips {
	t.Helper()
	have := make(trips)
	have.collect(k, p.here())
	requireTrips(t, logged(log.Samples(), GranularityConnection), have)
	return have
}

// TestZeroWindowIsVisible stops reading until the peer may send no more.
func TestZeroWindowIsVisible(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	log := rttlog.Start(t, cgroup.Root(t), p.NS)
	path := traffic.Loopback(p.NS, p.IPv4.String())
	path.Socket = socket.Config{ReceiveBuffer: 4096}
	client, server := path.Open(t)
	for client.Info(t).Snd_wnd > 0 {
		client.Act(t, traffic.Step{Verb: traffic.Write, Bytes: 500})
		require.Eventually(t, func() bool {
			info := client.Info(t)
			return info.Snd_wnd == 0 || info.Unacked == 0 && info.Notsent_bytes == 0
		}, patience, time.Millisecond)
	}
	server.Act(t, traffic.Step{Verb: traffic.Abort})
	client.Act(t, traffic.Step{Verb: traffic.Drain})

	have := requireLogged(t, k, p, log)
	require.NotZero(t, have[portsOf(client)].Send.Counts[0])
}

// TestHistogramsEqualLogWhileSwept has many connections of two processes add to
// two flows while epochs change. Sweeps add windows of sockets without a sample,
// so those are not compared.
func TestHistogramsEqualLogWhileSwept(t *testing.T) {
	const n = 200
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityEndpoint})
	log := rttlog.Start(t, cgroup.Root(t), p.NS)
	path := traffic.Loopback(p.NS, p.IPv4.String())
	client, server := traffic.Start(t, p.NS, "client"), traffic.Start(t, p.NS, "server")
	scenario := traffic.Exchange(100, 10, 10)
	address := server.Listen(path.Socket, netip.AddrPortFrom(path.Address, 0))
	served := server.Serve(path.Socket, n, scenario.Server)
	connected := client.Connect(path, address, n, 16, scenario.Client)

	have, intervals := make(trips), 0
	for closed := uint64(0); closed < 2*n; intervals++ {
		closed += have.collect(k, p.here())
	}
	require.Greater(t, intervals, 3) // some 20 times longer ones where records cannot be walked
	require.Len(t, connected(), n)
	require.Len(t, served(), n)
	have.collect(k, p.here())

	want := logged(log.Samples(), GranularityEndpoint)
	for _, all := range []trips{want, have} {
		for _, trip := range all {
			trip.Receive, trip.Send = spread{}, spread{}
		}
	}
	requireTrips(t, want, have)
}

// TestVariationEqualsTCPInfo reads what the application is told after each round
// trip.
func TestVariationEqualsTCPInfo(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	client, server := traffic.Loopback(p.NS, p.IPv4.String()).Open(t)
	make(trips).collect(k, p.here()) // the SYN's sample

	for range 30 {
		exchange(t, client, server)
		want := client.Info(t).Rttvar
		have := make(trips)
		have.collect(k, p.here())
		var one spread
		one.add(want, wantRTTBucket(want))
		require.Equal(t, one, have[portsOf(client)].Variation)
	}
}

// TestSweepSamplesWindowsOfSilentSockets wants one sample of the windows per
// sweep from each socket that had no round trip since the last one. What a socket
// receives at most its peer was told: TCP_INFO has it since Linux 6.2.
func TestSweepSamplesWindowsOfSilentSockets(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	client, server := traffic.Loopback(p.NS, p.IPv4.String()).Open(t)
	exchange(t, client, server)
	have := make(trips)
	have.collect(k, p.here())
	require.EqualValues(t, 2, have[portsOf(client)].Send.samples(), "SYN and exchange, no sweep")

	for range 3 {
		have := make(trips)
		have.collect(k, p.here())
		for conn, peer := range map[*traffic.Conn]*traffic.Conn{client: server, server: client} {
			var want trip
			send, receive := conn.Info(t).Snd_wnd, peer.Info(t).Snd_wnd
			want.Receive.add(receive, wantWindowBucket(receive))
			want.Send.add(send, wantWindowBucket(send))
			require.Equal(t, want, *have[portsOf(conn)])
		}
	}
}

// TestCloseDoesNotBend closes long after the last exchange: the peer's delayed
// acknowledgement of the FIN says nothing about the path.
func TestCloseDoesNotBend(t *testing.T) {
	link := impair.New(t, impair.Config{Delay: 5 * time.Millisecond}, impair.Config{Delay: 5 * time.Millisecond})
	for name, test := range map[string]struct {
		closing func(t *testing.T, client, server *traffic.Conn)
		state   uint8 // in which the FIN's round trip ends
	}{
		"one after the other": {func(t *testing.T, client, server *traffic.Conn) {
			client.Act(t, traffic.Step{Verb: traffic.Shutdown})
			require.Eventually(t, func() bool { return client.Info(t).State == finWait2 }, patience, time.Millisecond)
			server.Act(t, traffic.Step{Verb: traffic.Drain}, traffic.Step{Verb: traffic.Shutdown})
		}, finWait1},
		"both at once": {func(t *testing.T, client, server *traffic.Conn) {
			client.Act(t, traffic.Step{Verb: traffic.Shutdown})
			server.Act(t, traffic.Step{Verb: traffic.Shutdown})
		}, closing},
		"the peer first": {func(t *testing.T, client, server *traffic.Conn) {
			server.Act(t, traffic.Step{Verb: traffic.Shutdown})
			client.Act(t, traffic.Step{Verb: traffic.Drain}, traffic.Step{Verb: traffic.Shutdown})
		}, lastACK},
	} {
		t.Run(name, func(t *testing.T) {
			k := observe(t, Config{Granularity: GranularityConnection})
			log := rttlog.Start(t, cgroup.Root(t), link.A.NS)
			client, server := traffic.Between(link.A.NS, link.B.NS, link.B.IPv4).Open(t)
			for range 10 {
				exchange(t, client, server)
			}
			healthy := slices.Clone(log.Samples())
			test.closing(t, client, server)
			client.Act(t, traffic.Step{Verb: traffic.Await})

			have := make(trips)
			have.collect(k, clientsOf(link))
			last := log.Samples()[len(healthy):]
			require.Len(t, last, 1, "the kernel sampled the FIN's round trip")
			require.Equal(t, test.state, last[0].State)
			t.Logf("state %d, %d µs", last[0].State, last[0].RttUs)
			requireTrips(t, logged(healthy, GranularityConnection), have)
		})
	}
}

// clientsOf matches the test's own connections at a link's end A.
func clientsOf(link *impair.Link) func(flow.Key) bool {
	return func(key flow.Key) bool { return key.Local == link.A.IPv4 && mine(key) }
}

// exchange is one request and its response.
func exchange(t testing.TB, client, server *traffic.Conn) {
	t.Helper()
	client.Act(t, traffic.Step{Verb: traffic.Write, Bytes: 100})
	server.Act(t, traffic.Step{Verb: traffic.Read, Bytes: 100}, traffic.Step{Verb: traffic.Write, Bytes: 100})
	client.Act(t, traffic.Step{Verb: traffic.Read, Bytes: 100})
}

func portsOf(c *traffic.Conn) ports {
	return ports{c.End().Local.Port(), c.End().Remote.Port()}
}
