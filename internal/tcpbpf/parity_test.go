// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/expiry"
	"github.com/tcpwhy/tcpwhy/internal/testutil/latecomer"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
	"github.com/tcpwhy/tcpwhy/internal/testutil/twin"
)

// TestParity has two hosts go through all that connections can suffer, and after each
// trial compares what was observed since the first one with three witnesses: what the
// sockets said last, what either namespace counts, and what the packet filters count.
func TestParity(t *testing.T) {
	for _, congestion := range congestionControls(t) {
		t.Run(congestion, func(t *testing.T) {
			t.Parallel()
			p := newParity(t, congestion)
			for _, trial := range trials {
				trial(p)
				p.requireParity()
			}
			c := p.client.flows()
			require.NotZero(t, c.Kinds[flow.RetransmitSYN])
			require.NotZero(t, c.Kinds[flow.RetransmitFast])
			require.NotZero(t, c.Kinds[flow.RetransmitTimeout])
			require.NotZero(t, c.Kinds[flow.RetransmitTailLossProbe])
		})
	}
}

// A parity is what is compared.
type parity struct {
	t              *testing.T
	k              *collector
	client, server *party
	latecomers     *latecomer.Witness
	expiries       *expiry.Witness
	twins          *twin.Witness
	apart          bool // RSTs that find a listener are told from its overflows
}

// A party is one of the hosts, which has counted nothing before.
type party struct {
	netns.Host
	p *parity
	// What came to it, before anything is dropped and after that.
	arrived, passed arrivals
	losses          *nft.Filter // between the two
	exceptions
}

// exceptions are what witnesses do not define alike, as far as no other one counts it.
type exceptions struct {
	// disconnected are connections that ended by SO_LINGER of 0, or with their listener:
	// the kernel zeroes a socket's totals before they show the RST that it sends.
	disconnected uint64
	// late are connections reset after they had sent or received a FIN: EstabResets leaves
	// them out.
	late uint64
}

// arrivals are segments.
type arrivals struct{ all, data, syn, reset *nft.Rule }

func arrive4(f *nft.Filter) arrivals {
	return arrivals{f.Count(nft.Input), f.Count(nft.Input, nft.Data()),
		f.Count(nft.Input, nft.Flags(nft.SYN)), f.Count(nft.Input, nft.Flags(nft.RST))}
}

// newParity makes hosts without TIME_WAIT: what comes for a connection that has lost its
// socket is answered by a RST, which is counted, and not by an ACK, which is not.
func newParity(t *testing.T, congestion string) *parity {
	t.Helper()
	client, server := newPair(t, netns.CongestionControl(congestion), netns.Sysctl("net.ipv4.tcp_max_tw_buckets", "0"),
		netns.Sysctl("net.ipv4.tcp_rmem", "4096 131072 524288")) // or the CPU's queue overflows, which no filter sees
	p := &parity{t: t, latecomers: latecomer.Watch(t), expiries: expiry.Watch(t, cgroup.Root(t)),
		twins: twin.Watch(t), apart: tellsSocketOfDrop(t)}
	p.client, p.server = &party{Host: client, p: p}, &party{Host: server, p: p}
	for _, h := range []*party{p.client, p.server} {
		filter := nft.New(t, h.NS)
		h.arrived = arrive4(filter)
		h.losses = filter.Here(nft.Input)
		h.passed = arrive4(filter)
	}
	p.k = observe(t, Config{Granularity: GranularityConnection})
	p.k.tellDrops()
	return p
}

func (p *parity) path() traffic.Path {
	return traffic.Between(p.client.NS, p.server.NS, p.server.IPv4)
}

func (p *parity) match() func(flow.Key) bool { return at(p.client.IPv4) }

// flows adds up what was observed of a host's sockets.
func (h *party) flows() sum {
	return h.p.k.sum(func(key flow.Key) bool { return key.Local == h.IPv4 })
}

// act lets connections run to their end, and asks each socket about it.
func (p *parity) act(parallel int, scenarios ...traffic.Scenario) []traffic.Truth {
	p.t.Helper()
	client, server := p.client.flows(), p.server.flows()
	truths := p.path().Run(p.t, parallel, scenarios...)
	n := client.closed() + server.closed() + 2*uint64(len(truths))
	p.k.untilClosed(int(n), p.match())
	for _, truth := range truths {
		requireExact(p.t, p.k, truth, flow.RoleClient)
		requireExact(p.t, p.k, truth, flow.RoleServer)
	}
	return truths
}

// requireParity holds whenever nothing is under way.
func (p *parity) requireParity() {
	p.t.Helper()
	c, s := p.client.flows(), p.server.flows()
	inClient, inServer := mib.Read(p.t, p.client.NS), mib.Read(p.t, p.server.NS)
	requireKinds(p.t, &c, inClient, flow.RoleClient, p.expiries.Idle(p.client.NS))
	requireKinds(p.t, &s, inServer, flow.RoleServer, 0)
	p.requireHandshakes(&c, &s, inClient, inServer)
	p.requireSegments(&c, inClient, p.client, p.server)
	p.requireSegments(&s, inServer, p.server, p.client)
	p.requirePayload(&c, &s, p.server, inServer)
	p.requirePayload(&s, &c, p.client, inClient)
	p.requireEnds(&c, inClient, p.client)
	p.requireEnds(&s, inServer, p.server)

	overflows := p.k.sum(role(flow.RoleListener, p.at(p.server))).Overflows
	require.Equal(p.t, inServer["ListenOverflows"], inServer["ListenDrops"], "there is no other reason")
	if !p.apart { // a RST that finds a listener, for its connection is gone, is a drop of that as well
		overflows -= p.server.unheard(&s)
	}
	require.Equal(p.t, inServer["ListenOverflows"], overflows)
}

func (p *parity) at(h *party) func(flow.Key) bool {
	return func(key flow.Key) bool { return key.Local == h.IPv4 }
}

// requireHandshakes compares connections that began, or should have. A SYN-ACK that is sent
// again the kernel counts twice, see requireSegments, and a connection of which two CPUs
// made a socket as two.
func (p *parity) requireHandshakes(c, s *sum, inClient, inServer mib.Counters) {
	p.t.Helper()
	failed := total(c.Failed[:])
	require.Equal(p.t, inClient["ActiveOpens"], c.Opened+failed)
	require.Equal(p.t, p.server.arrived.syn.Packets(), c.Opened+failed+c.Kinds[flow.RetransmitSYN])
	require.Equal(p.t, inServer["PassiveOpens"], s.Opened+p.twins.Of(p.server.NS))
	require.Equal(p.t, p.client.arrived.syn.Packets(), s.Opened+s.Kinds[flow.RetransmitSYN])
	// Who closes a socket before there is an answer has not failed, as the kernel sees it.
	require.Equal(p.t, inClient["AttemptFails"], failed-c.Failed[flow.FailureAborted])
	require.Equal(p.t, inClient["TCPAbortOnTimeout"], c.Failed[flow.FailureTimedOut])
	require.Zero(p.t, inServer["AttemptFails"])
}

// requireSegments compares what a host's sockets sent to another one and received.
func (p *parity) requireSegments(s *sum, counted mib.Counters, from, to *party) {
	p.t.Helper()
	// The filter and the namespace. OutSegs has no retransmissions in it, but those of
	// SYN-ACKs, which are made anew each time.
	synAcks := uint64(0)
	if from == p.server {
		synAcks = s.Kinds[flow.RetransmitSYN]
	}
	sent, received := to.arrived.all.Packets(), from.passed.all.Packets()
	require.Equal(p.t, sent, counted["OutSegs"]+counted["RetransSegs"]-synAcks)
	require.Equal(p.t, received, counted["InSegs"])
	require.LessOrEqual(p.t, counted["InErrs"], counted["TCPSYNChallenge"], "no other error: a SYN for who is established")

	// RSTs, of which those that no socket sends answer what comes for none.
	resets := to.arrived.reset.Packets()
	require.Equal(p.t, resets, counted["OutRsts"])
	strays := resets - s.Resets[flow.Transmit]
	sent -= strays + from.disconnected
	received -= strays + from.unheard(s) + p.latecomers.To(from.IPv4).Untold
	if from == p.server {
		sent -= to.arrived.syn.Packets() // SYN-ACKs, sent before there is a socket
		received -= p.unborn(s, counted)
	}
	require.Equal(p.t, [2]uint64{sent, received}, s.Segments)
}

// unheard are RSTs that came for no connection, and for none that was just closed.
func (h *party) unheard(s *sum) uint64 {
	return h.passed.reset.Packets() - s.Resets[flow.Receive] - h.p.latecomers.To(h.IPv4).Resets
}

// unborn are SYNs that came to the listener and that no connection counts: each counts its
// first one, and those that come again when it is established. Who is refused is answered
// by a RST of no socket.
func (p *parity) unborn(s *sum, counted mib.Counters) uint64 {
	c := p.client.flows()
	return p.server.passed.syn.Packets() - s.Opened - counted["TCPSYNChallenge"] - c.Failed[flow.FailureRefused]
}

// requirePayload compares what one host sent with what the other received, and with what
// the filter between them dropped. Of what came for no socket, each answered by a RST, some
// may be data that was sent again in vain: that is more than the sockets received. So may
// be what came too late for any answer.
func (p *parity) requirePayload(from, to *sum, receiver *party, counted mib.Counters) {
	p.t.Helper()
	require.Equal(p.t, from.Bytes[flow.Transmit], to.Bytes[flow.Receive])
	require.Equal(p.t, receiver.arrived.data.Packets(), from.DataSegments[flow.Transmit])
	strays := counted["OutRsts"] - to.Resets[flow.Transmit]
	lost := receiver.passed.data.Packets() - to.DataSegments[flow.Receive]
	require.LessOrEqual(p.t, lost, strays+p.latecomers.To(receiver.IPv4).Untold)
}

// requireEnds compares how connections ended, and how many have not.
func (p *parity) requireEnds(s *sum, counted mib.Counters, h *party) {
	p.t.Helper()
	reset := s.Closed[flow.CloseResetSent] + s.Closed[flow.CloseResetReceived]
	require.Equal(p.t, counted["EstabResets"], reset-h.late)
	require.Equal(p.t, counted["CurrEstab"], s.Live[unix.BPF_TCP_ESTABLISHED]+s.Live[unix.BPF_TCP_CLOSE_WAIT])
}
