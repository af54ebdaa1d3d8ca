// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/expiry"
	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// kinds are numbers of segments by the kind of their retransmission.
type kinds = [flow.NumRetransmitKinds]uint64

// segment is the payload that fits into one: an MTU of 1500 less two headers of 20
// and timestamps.
const segment = 1448

// What a client does that loses segments. Its FIN is a segment of its own.
var (
	questions = traffic.Exchange(10, 1, 1)
	flight    = traffic.Exchange(1, 10*segment, 1)
	stream    = traffic.Stream(1000 * segment)
)

// A loss is of segments that a client has sent.
type loss struct {
	options  []netns.Option
	of       nft.Match
	bursts   [][2]uint32 // the first one, counted from 0, and how many
	marked   uint32      // so many of the first ones say that they met congestion
	do       traffic.Scenario
	want     kinds
	episodes uint64
}

// TestKinds loses what provokes one kind of retransmission. On a busy machine the
// kernel takes what is late for lost as well, so it has five attempts.
func TestKinds(t *testing.T) {
	const syn, fast = flow.RetransmitSYN, flow.RetransmitFast
	const timeout, probe = flow.RetransmitTimeout, flow.RetransmitTailLossProbe
	noProbe := []netns.Option{netns.Sysctl("net.ipv4.tcp_early_retrans", "0")}
	congestible := append(noProbe, netns.Sysctl("net.ipv4.tcp_ecn", "1"))
	for name, test := range map[string]loss{
		"two SYNs": {of: nft.Flags(nft.SYN), bursts: [][2]uint32{{0, 2}},
			do: questions, want: kinds{syn: 2}},
		"a question": {of: nft.Data(), bursts: [][2]uint32{{5, 1}},
			do: questions, want: kinds{probe: 1}, episodes: 1},
		"two questions": {of: nft.Data(), bursts: [][2]uint32{{5, 1}, {8, 1}},
			do: questions, want: kinds{probe: 2}, episodes: 2},
		"a question, without probes": {of: nft.Data(), bursts: [][2]uint32{{5, 1}}, options: noProbe,
			do: questions, want: kinds{timeout: 1}, episodes: 1},
		"a question, for a while": {of: nft.Data(), bursts: [][2]uint32{{5, 3}},
			do: questions, want: kinds{probe: 1, timeout: 2}, episodes: 1},
		"a FIN": {of: nft.Flags(nft.FIN), bursts: [][2]uint32{{0, 1}},
			do: questions, want: kinds{probe: 1}, episodes: 1},
		"a flight, without probes": {of: nft.Data(), bursts: [][2]uint32{{0, 10}}, options: noProbe,
			do: flight, want: kinds{timeout: 10}, episodes: 1},
		// What reduces the window without a loss has nothing to undo, nor has a timeout then.
		"a flight, but for one that met congestion": {of: nft.Data(), bursts: [][2]uint32{{1, 9}}, marked: 1, options: congestible,
			do: flight, want: kinds{timeout: 9}, episodes: 1},
		"one of a stream": {of: nft.Data(), bursts: [][2]uint32{{300, 1}},
			do: stream, want: kinds{fast: 1}, episodes: 1},
		"ten of a stream": {of: nft.Data(), bursts: [][2]uint32{{300, 10}},
			do: stream, want: kinds{fast: 10}, episodes: 1},
		"ten and five of a stream": {of: nft.Data(), bursts: [][2]uint32{{300, 10}, {700, 5}},
			do: stream, want: kinds{fast: 15}, episodes: 2},
	} {
		for _, congestion := range congestionControls(t) {
			t.Run(name+", "+congestion, func(t *testing.T) {
				t.Parallel()
				for attempt := 1; !test.provokes(t, congestion); attempt++ {
					require.Less(t, attempt, 5)
				}
			})
		}
	}
}

// provokes reports whether the loss alone was what made the client retransmit.
func (l loss) provokes(t *testing.T, congestion string) bool {
	t.Helper()
	client, server := newPair(t, append(slices.Clone(l.options), netns.CongestionControl(congestion))...)
	filter := nft.New(t, server.NS)
	filter.CongestSome(nft.Input, 0, l.marked, l.of)
	for _, burst := range l.bursts {
		filter.DropSome(nft.Input, burst[0], burst[1], l.of)
	}
	s, _ := suffer(t, client, server, l.do)
	return s.Kinds == l.want && s.Episodes == l.episodes
}

// suffer acts on one connection and compares what both ends count with what their
// sockets and namespaces do, which have counted nothing before.
func suffer(t *testing.T, a, b netns.Host, do traffic.Scenario) (client, server sum) {
	t.Helper()
	k, expiries := observe(t, Config{}), expiry.Watch(t, cgroup.Root(t))
	truth := traffic.Between(a.NS, b.NS, b.IPv4).Run(t, 1, do)[0]
	k.untilClosed(2, at(a.IPv4))
	client = requireSuffered(t, k, a, truth.Client, flow.RoleClient, expiries)
	server = requireSuffered(t, k, b, truth.Server, flow.RoleServer, expiries)
	return client, server
}

func requireSuffered(t *testing.T, k *collector, host netns.Host, end traffic.End, r flow.Role, expiries *expiry.Witness) sum {
	t.Helper()
	s, counted := k.sum(role(r, at(host.IPv4))), mib.Read(t, host.NS)
	requireKinds(t, &s, counted, r, expiries.Idle(host.NS))
	requireSegments(t, end.Info, &s, "end")
	require.EqualValues(t, min(end.Info.Dsack_dups, end.Info.Total_retrans), s.Spurious)
	require.EqualValues(t, end.Info.Rcv_ooopack, s.OutOfOrder)
	return s
}

// requireKinds compares a namespace's flows with what it counted itself: all
// retransmissions, and by kind those of the handshake, the fast ones, and a client's
// timeouts. For the latter the kernel counts each expiry of the timer, the last one too,
// after which it gives up, and the idle ones, which sent nothing; and apart what it sends
// after it; a server's are mixed with those of SYN-ACKs. It counts a loss probe also if
// that carries new data, and segments that waited for the socket together as one out of
// order. What goes again because a probe of the path's MTU was lost it counts as if a timer
// had run out. Reports of duplicates that it does not believe it counts in the socket alone.
func requireKinds(t *testing.T, s *sum, counted mib.Counters, r flow.Role, idle uint64) {
	t.Helper()
	t.Logf("%v retransmitted in %d episodes, %d spurious, %d out of order", s.Kinds, s.Episodes, s.Spurious, s.OutOfOrder)
	t.Logf("the kernel: %d SYN, %d fast, %d timeouts and %d after them, %d idle, %d gave up, %d probes", counted["TCPSynRetrans"], counted["TCPFastRetrans"],
		counted["TCPTimeouts"], counted["TCPSlowStartRetrans"], idle, counted["TCPAbortOnTimeout"], counted["TCPLossProbes"])
	require.Equal(t, counted["RetransSegs"], s.Retransmits)
	require.Equal(t, counted["TCPSynRetrans"], s.Kinds[flow.RetransmitSYN])
	require.GreaterOrEqual(t, s.Kinds[flow.RetransmitFast], counted["TCPFastRetrans"])
	tooLarge := s.Kinds[flow.RetransmitFast] - counted["TCPFastRetrans"]
	if counted["TCPMTUPFail"] == 0 {
		require.Zero(t, tooLarge)
	}
	require.LessOrEqual(t, s.Kinds[flow.RetransmitTailLossProbe], counted["TCPLossProbes"])
	require.Zero(t, s.Kinds[flow.RetransmitUnknown])
	if r == flow.RoleClient {
		timeouts := counted["TCPTimeouts"] - counted["TCPAbortOnTimeout"] - counted["TCPSynRetrans"] + counted["TCPSlowStartRetrans"] - idle
		require.Equal(t, timeouts, s.Kinds[flow.RetransmitTimeout]+tooLarge)
	}
	require.GreaterOrEqual(t, s.Spurious, counted["TCPDSACKRecvSegs"])
	if counted["TCPDSACKIgnoredDubious"] == 0 {
		require.Equal(t, counted["TCPDSACKRecvSegs"], s.Spurious)
	}
	require.GreaterOrEqual(t, s.OutOfOrder, counted["TCPOFOQueue"])
	require.LessOrEqual(t, s.OutOfOrder, counted["TCPOFOQueue"]+counted["TCPBacklogCoalesce"])
}

// TestLostAnswers loses what the server sends: its SYN-ACK, which both ends repeat,
// and an answer, whose question is repeated in vain.
func TestLostAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		of       nft.Match
		first, n uint32
		require  func(client, server sum)
	}{
		"SYN-ACK": {nft.Flags(nft.SYN), 0, 1, func(client, server sum) {
			require.NotZero(t, client.Kinds[flow.RetransmitSYN])
			require.NotZero(t, server.Kinds[flow.RetransmitSYN])
		}},
		"answer": {nft.Data(), 5, 2, func(client, server sum) {
			require.NotZero(t, client.Kinds[flow.RetransmitTailLossProbe])
			require.NotZero(t, client.Spurious)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server := newPair(t)
			nft.New(t, client.NS).DropSome(nft.Input, test.first, test.n, test.of)
			test.require(suffer(t, client, server, questions))
		})
	}
}

// TestReordering has segments overtake others: no one is lost.
func TestReordering(t *testing.T) {
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			there := impair.Config{Delay: 10 * time.Millisecond, Reorder: 20, ReorderBy: 20 * time.Millisecond, Seed: 1}
			link := newLink(t, there, impair.Config{Delay: 10 * time.Millisecond}, netns.CongestionControl(congestion))
			client, server := suffer(t, link.A, link.B, traffic.Stream(3000*segment))
			require.NotZero(t, server.OutOfOrder)
			require.NotZero(t, client.Spurious)
			require.LessOrEqual(t, client.Spurious, client.Retransmits)
		})
	}
}
