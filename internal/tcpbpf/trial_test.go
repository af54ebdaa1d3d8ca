// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// trials are what connections go through, the random one last: from then on anything may
// be lost.
var trials = []func(*parity){
	(*parity).refuse, (*parity).filter, (*parity).retransmit, (*parity).reset, (*parity).besiege, (*parity).stuff, (*parity).lose,
}

// refuse connects to a port at which nobody listens.
func (p *parity) refuse() {
	p.t.Helper()
	for range 3 {
		require.ErrorIs(p.t, newPlug(p.t, p.client.NS).connect(netip.AddrPortFrom(p.server.IPv4, 4000)), unix.ECONNREFUSED)
	}
	p.k.collect()
	c := p.client.flows()
	require.EqualValues(p.t, 3, c.Failed[flow.FailureRefused])
	require.EqualValues(p.t, 3, c.Resets[flow.Receive])
}

// filter drops SYNs: one client gives up, and the kernel of another one does.
func (p *parity) filter() {
	p.t.Helper()
	drop := p.server.losses.Drop(nft.Input, 1000, nft.DestinationPort(4001))
	to := netip.AddrPortFrom(p.server.IPv4, 4001)
	hasty, patient := newPlug(p.t, p.client.NS), newPlug(p.t, p.client.NS)
	require.NoError(p.t, hasty.beginConnect(to))
	require.NoError(p.t, hasty.close())
	require.NoError(p.t, patient.do(func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_TCP, unix.TCP_SYNCNT, 1) }))
	require.ErrorIs(p.t, patient.connect(to), unix.ETIMEDOUT)
	p.k.collect()
	c := p.client.flows()
	require.EqualValues(p.t, 1, c.Failed[flow.FailureAborted])
	require.EqualValues(p.t, 1, c.Failed[flow.FailureTimedOut])
	require.Equal(p.t, 2+c.Kinds[flow.RetransmitSYN], drop.Packets())
}

// retransmit loses what provokes each kind of retransmission.
func (p *parity) retransmit() {
	p.t.Helper()
	p.server.losses.DropSome(nft.Input, 0, 2, nft.Flags(nft.SYN))
	p.act(1, questions)
	p.server.losses.DropSome(nft.Input, 5, 1, nft.Data())
	p.act(1, questions)
	p.server.losses.DropSome(nft.Input, 300, 10, nft.Data())
	p.act(1, stream)
	p.client.SetSysctl("net.ipv4.tcp_early_retrans", "0")
	p.server.losses.DropSome(nft.Input, 0, 10, nft.Data())
	p.act(1, flight)
	p.client.SetSysctl("net.ipv4.tcp_early_retrans", "3")
}

// reset ends connections by RSTs of either side.
func (p *parity) reset() {
	p.t.Helper()
	const each = 3
	client, server := p.client.flows(), p.server.flows()
	for _, side := range []traffic.Side{traffic.Client, traffic.Server} {
		p.act(2, slices.Concat(traffic.AbortedBy(side, 10_000).Times(each), traffic.UnreadBy(side, 3000).Times(each))...)
	}
	p.client.disconnected += each
	p.server.disconnected += each
	for _, ends := range [][2]sum{{client, p.client.flows()}, {server, p.server.flows()}} {
		before, after := ends[0], ends[1]
		require.EqualValues(p.t, 2*each, after.Closed[flow.CloseResetSent]-before.Closed[flow.CloseResetSent])
		require.EqualValues(p.t, 2*each, after.Closed[flow.CloseResetReceived]-before.Closed[flow.CloseResetReceived])
	}
}

// besiege fills an accept queue of one, which holds two. All that come later are
// dropped at their SYN: the filter has counted them.
func (p *parity) besiege() {
	p.t.Helper()
	const room, clients = 2, 50
	listener := p.server.Listen(netip.AddrPortFrom(p.server.IPv4, 0).String())
	require.NoError(p.t, control(p.t, listener, func(fd int32) error { return unix.Listen(int(fd), 1) }))
	to := addressOf(listener)
	syn := p.server.losses.Count(nft.Input, nft.DestinationPort(to.Port()), nft.Flags(nft.SYN))
	var all []plug
	for range room {
		all = append(all, newPlug(p.t, p.client.NS))
		require.NoError(p.t, all[len(all)-1].connect(to))
	}
	require.Eventually(p.t, func() bool {
		info, err := tcpinfo.Get(listener) // of a listener, how many wait
		return err == nil && info.Unacked == room
	}, patience, time.Millisecond)
	for range clients - room {
		all = append(all, newPlug(p.t, p.client.NS))
		require.NoError(p.t, all[len(all)-1].beginConnect(to))
	}
	require.Eventually(p.t, func() bool { return syn.Packets() >= clients }, patience, time.Millisecond)

	now := func() flow.Gauges { return p.k.now(listening(to)) }
	p.k.collect()
	require.EqualValues(p.t, 1, now().ListenLimit)
	require.EqualValues(p.t, room, now().ListenQueue)
	for _, client := range all[room:] {
		require.NoError(p.t, client.close())
	}
	p.k.collect()
	require.Equal(p.t, syn.Packets()-room, p.k.sum(listening(to)).Overflows)

	before := p.client.flows()
	require.NoError(p.t, listener.Close())
	p.server.disconnected += room
	p.k.untilClosed(int(before.closed())+room, p.at(p.client))
}

// stuff has a server stop to read, until the client has asked for its window three times.
func (p *parity) stuff() {
	p.t.Helper()
	const bytes = 20_000_000
	client, server := p.client.flows(), p.server.flows()
	before := mib.Read(p.t, p.client.NS)
	d := converse(p.t, p.k, p.path(), p.match())
	written := make(chan error, 1)
	go func() { written <- d.client.Try(write(bytes), shut) }()
	d.closed()
	for probes := uint64(0); probes < 3; {
		probes = mib.Read(p.t, p.client.NS).Since(before)["TCPWinProbe"]
		p.k.collect()
		now := mib.Read(p.t, p.client.NS)
		if now.Since(before)["TCPWinProbe"] == probes { // none while it was swept
			c := p.client.flows()
			require.Equal(p.t, probes, c.Probes-client.Probes)
			require.Equal(p.t, now["CurrEstab"], c.Live[unix.BPF_TCP_ESTABLISHED])
		}
	}
	d.servers(read(bytes), hear, shut)
	require.NoError(p.t, <-written)
	d.clients(hear, await, finish)
	d.servers(await, finish)
	p.k.untilClosed(int(client.closed()+server.closed())+2, p.match())
	for _, ends := range []struct {
		before, after sum
		end           traffic.End
	}{{client, p.client.flows(), d.client.End()}, {server, p.server.flows(), d.server.End()}} {
		b, a := ends.before, ends.after
		require.EqualValues(p.t, ends.end.Info.Segs_out, a.Segments[0]-b.Segments[0])
		require.EqualValues(p.t, ends.end.Info.Segs_in, a.Segments[1]-b.Segments[1])
	}
}

// lose drops a share of everything. Where a last ACK is lost, the FIN that comes again
// finds no socket and is answered by a RST, which resets nothing that was established.
func (p *parity) lose() {
	p.t.Helper()
	estab := func(h *party) uint64 { return mib.Read(p.t, h.NS)["EstabResets"] }
	hosts := []*party{p.client, p.server}
	var before []uint64
	for _, h := range hosts {
		s := h.flows()
		h.late -= s.Closed[flow.CloseResetReceived]
		h.losses.Drop(nft.Input, 20)
		before = append(before, estab(h))
	}
	var all []traffic.Scenario
	for _, side := range []traffic.Side{traffic.Client, traffic.Server} {
		all = append(all, traffic.Exchange(20, 300, 5000).ClosedBy(side).Times(30)...)
		all = append(all, traffic.HalfClosed(side, 2000, 300_000).Times(5)...)
		all = append(all, traffic.Stream(5_000_000).ClosedBy(side))
	}
	p.act(100, all...)
	for i, h := range hosts {
		s := h.flows()
		h.late += s.Closed[flow.CloseResetReceived]
		require.Equal(p.t, before[i], estab(h))
		require.Greater(p.t, h.arrived.all.Packets(), h.passed.all.Packets())
	}
}
