// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// An ending is how a connection ends, and the reason at both ends.
type ending struct {
	act            func(*dialogue)
	client, server flow.CloseReason
	prompt         bool // it is another one if the client sent its FIN again meanwhile
}

const fin, sent, received = flow.CloseFIN, flow.CloseResetSent, flow.CloseResetReceived

// TestOrderlyEnds closes connections by FINs, in every order there is.
func TestOrderlyEnds(t *testing.T) {
	client, server := newPair(t)
	link := wire{t, client, server}
	requireReasons(t, link, map[string]ending{
		"the client's FIN first": {func(d *dialogue) {
			d.clients(write(10), shut)
			d.servers(read(10), hear, shut)
			d.clients(hear)
		}, fin, fin, false},
		"the server's FIN first": {func(d *dialogue) {
			d.servers(write(10), shut)
			d.clients(read(10), hear, shut)
			d.servers(hear)
		}, fin, fin, false},
		"FINs that cross": {func(d *dialogue) {
			link.cut()
			d.clients(shut)
			d.servers(shut)
			link.join()
		}, fin, fin, false},
		"a close before the peer's": {func(d *dialogue) {
			d.clients(finish)
			d.servers(hear, finish)
		}, fin, fin, false},
		"a close long before the peer's": {func(d *dialogue) {
			d.clients(finish)
			d.gone(flow.RoleClient)
			d.servers(hear, finish)
		}, fin, fin, false},
		"an unread FIN": {func(d *dialogue) {
			d.servers(shut)
			d.in(unix.BPF_TCP_CLOSE_WAIT)
			d.clients(finish)
			d.servers(hear)
		}, fin, fin, false},
		"data for who has closed long ago": {func(d *dialogue) {
			d.clients(finish)
			d.gone(flow.RoleClient)
			d.servers(hear, write(10), await)
		}, fin, received, false},
	})
}

// TestResets resets connections in every state, on purpose and because nobody is
// there to read.
func TestResets(t *testing.T) {
	client, server := newPair(t)
	link, filter := wire{t, client, server}, nft.New(t, client.NS)
	requireReasons(t, link, map[string]ending{
		"a RST of the client": {func(d *dialogue) { d.clients(abort) }, sent, received, false},
		"a RST of the server": {func(d *dialogue) { d.servers(abort) }, received, sent, false},
		"a RST in CLOSE_WAIT": {func(d *dialogue) {
			d.clients(shut)
			d.servers(hear, abort)
		}, received, sent, false},
		"a RST in FIN_WAIT1": {func(d *dialogue) {
			link.cut()
			d.clients(shut)
			d.in(unix.BPF_TCP_FIN_WAIT1)
			link.join()
			d.clients(abort)
		}, sent, received, false},
		"a RST in FIN_WAIT2": {func(d *dialogue) {
			d.clients(shut)
			d.in(unix.BPF_TCP_FIN_WAIT2)
			d.clients(abort)
		}, sent, received, false},
		"unread data in ESTABLISHED": {func(d *dialogue) {
			d.servers(write(10))
			d.clients(arrive(10), finish)
		}, sent, received, false},
		"unread data in CLOSE_WAIT": {func(d *dialogue) {
			d.servers(write(10), shut)
			d.in(unix.BPF_TCP_CLOSE_WAIT)
			d.clients(arrive(10), finish)
		}, sent, received, false},
		"unread data in FIN_WAIT2": {func(d *dialogue) {
			d.clients(shut)
			d.servers(hear, write(10))
			d.clients(arrive(10), finish)
		}, sent, received, false},
		"unread data in LAST_ACK": {func(d *dialogue) {
			d.servers(write(10), shut)
			d.in(unix.BPF_TCP_CLOSE_WAIT)
			link.cut()
			d.clients(shut)
			d.in(unix.BPF_TCP_LAST_ACK)
			link.join()
			d.clients(finish)
		}, sent, received, false},
		"data for who has just closed": {func(d *dialogue) {
			closeUnheard(d, link)
			d.servers(write(10))
			d.gone(flow.RoleClient)
			link.join()
		}, sent, received, false},
		"data for who has heard, and closed": {func(d *dialogue) {
			hearAndClose(d, link)
			d.servers(write(10))
			d.gone(flow.RoleClient)
			link.join()
		}, sent, received, false},
		"a RST for who has heard, and closed": {func(d *dialogue) {
			hearAndClose(d, link)
			d.servers(abort)
			d.gone(flow.RoleClient)
			link.join()
		}, received, sent, false},
		"data and the ACK of the FIN for who has just closed": {func(d *dialogue) {
			ack := filter.DropSome(nft.Input, 0, 1)
			d.clients(finish)
			d.servers(hear) // the kernel says so before it sends the ACK
			require.Eventually(d.t, func() bool { return ack.Packets() == 1 }, patience, time.Millisecond)
			d.servers(write(10))
		}, sent, received, true},
	})
}

func requireReasons(t *testing.T, link wire, endings map[string]ending) {
	t.Helper()
	path := traffic.Between(link.a.NS, link.b.NS, link.b.IPv4)
	k := observe(t, Config{Granularity: GranularityConnection})
	for name, test := range endings {
		t.Run(name, func(t *testing.T) {
			d := end(t, k, path, test)
			for tries := 1; test.prompt && tries < attempts && retransmitted(k, d); tries++ {
				d = end(t, k, path, test)
			}
			require.Equal(t, reason(test.client), k.sum(role(flow.RoleClient, d.match)).Closed, "client")
			require.Equal(t, reason(test.server), k.sum(role(flow.RoleServer, d.match)).Closed, "server")
		})
	}
}

// attempts is how often an ending is tried that has to be quicker than the client's timer, which an
// emulated processor may not be: 200 ms after its FIN the client sends it again, is told that it came, and
// is in another state when the data comes.
const attempts = 10

// end lets a connection end.
func end(t *testing.T, k *collector, path traffic.Path, test ending) *dialogue {
	t.Helper()
	d := converse(t, k, path, nil)
	d.match = d.ports()
	test.act(d)
	k.untilClosed(2, d.match)
	return d
}

func retransmitted(k *collector, d *dialogue) bool {
	return k.sum(role(flow.RoleClient, d.match)).Retransmits > 0
}

// ports matches the two flows of the connection, if each has one of its own.
func (d *dialogue) ports() func(flow.Key) bool {
	client, server := d.client.End().Local, d.client.End().Remote
	return func(k flow.Key) bool {
		return k.Local == client.Addr() && k.LocalPort == client.Port() && k.RemotePort == server.Port() ||
			k.Local == server.Addr() && k.LocalPort == server.Port() && k.RemotePort == client.Port()
	}
}

// in waits until the client's socket is in a state.
func (d *dialogue) in(state uint8) {
	d.t.Helper()
	require.Eventually(d.t, func() bool { return d.client.Info(d.t).State == state }, patience, time.Millisecond)
}

// reason is one connection closed for it.
func reason(r flow.CloseReason) (closed [flow.NumCloseReasons]uint64) {
	closed[r] = 1
	return closed
}
