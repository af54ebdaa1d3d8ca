// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// An ending is how a connection ends, and the reason at both ends.
type ending struct {
	act            func(*dialogue)
	client, server flow.CloseReason
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
		}, fin, fin},
		"the server's FIN first": {func(d *dialogue) {
			d.servers(write(10), shut)
			d.clients(read(10), hear, shut)
			d.servers(hear)
		}, fin, fin},
		"FINs that cross": {func(d *dialogue) {
			link.cut()
			d.clients(shut)
			d.servers(shut)
			link.join()
		}, fin, fin},
		"a close before the peer's": {func(d *dialogue) {
			d.clients(finish)
			d.servers(hear, finish)
		}, fin, fin},
		"a close long before the peer's": {func(d *dialogue) {
			d.clients(finish)
			d.gone(flow.RoleClient)
			d.servers(hear, finish)
		}, fin, fin},
		"an unread FIN": {func(d *dialogue) {
			d.servers(shut)
			d.in(unix.BPF_TCP_CLOSE_WAIT)
			d.clients(finish)
			d.servers(hear)
		}, fin, fin},
		"data for who has closed long ago": {func(d *dialogue) {
			d.clients(finish)
			d.gone(flow.RoleClient)
			d.servers(hear, write(10), await)
		}, fin, received},
	})
}

// TestResets resets connections in every state, on purpose and because nobody is
// there to read.
func TestResets(t *testing.T) {
	client, server := newPair(t)
	link := wire{t, client, server}
	requireReasons(t, link, map[string]ending{
		"a RST of the client": {func(d *dialogue) { d.clients(abort) }, sent, received},
		"a RST of the server": {func(d *dialogue) { d.servers(abort) }, received, sent},
		"a RST in CLOSE_WAIT": {func(d *dialogue) {
			d.clients(shut)
			d.servers(hear, abort)
		}, received, sent},
		"a RST in FIN_WAIT1": {func(d *dialogue) {
			link.cut()
			d.clients(shut)
			d.in(unix.BPF_TCP_FIN_WAIT1)
			link.join()
			d.clients(abort)
		}, sent, received},
		"a RST in FIN_WAIT2": {func(d *dialogue) {
			d.clients(shut)
			d.in(unix.BPF_TCP_FIN_WAIT2)
			d.clients(abort)
		}, sent, received},
		"unread data in ESTABLISHED": {func(d *dialogue) {
			d.servers(write(10))
			d.clients(arrive(10), finish)
		}, sent, received},
		"unread data in CLOSE_WAIT": {func(d *dialogue) {
			d.servers(write(10), shut)
			d.in(unix.BPF_TCP_CLOSE_WAIT)
			d.clients(arrive(10), finish)
		}, sent, received},
		"unread data in FIN_WAIT2": {func(d *dialogue) {
			d.clients(shut)
			d.servers(hear, write(10))
			d.clients(arrive(10), finish)
		}, sent, received},
		"unread data in LAST_ACK": {func(d *dialogue) {
			d.servers(write(10), shut)
			d.in(unix.BPF_TCP_CLOSE_WAIT)
			link.cut()
			d.clients(shut)
			d.in(unix.BPF_TCP_LAST_ACK)
			link.join()
			d.clients(finish)
		}, sent, received},
		"data for who has just closed": {func(d *dialogue) {
			closeUnheard(d, link)
			d.servers(write(10))
			d.gone(flow.RoleClient)
			link.join()
		}, sent, received},
		"data for who has heard, and closed": {func(d *dialogue) {
			hearAndClose(d, link)
			d.servers(write(10))
			d.gone(flow.RoleClient)
			link.join()
		}, sent, received},
		"a RST for who has heard, and closed": {func(d *dialogue) {
			hearAndClose(d, link)
			d.servers(abort)
			d.gone(flow.RoleClient)
			link.join()
		}, received, sent},
		"data and the ACK of the FIN for who has just closed": {func(d *dialogue) {
			link.teach(server, client.IPv4, nobody) // the ACK alone is lost
			d.clients(finish)
			d.servers(hear)
			link.join()
			d.servers(write(10))
		}, sent, received},
	})
}

func requireReasons(t *testing.T, link wire, endings map[string]ending) {
	t.Helper()
	path := traffic.Between(link.a.NS, link.b.NS, link.b.IPv4)
	k := observe(t, Config{Granularity: GranularityConnection})
	for name, test := range endings {
		t.Run(name, func(t *testing.T) {
			d := converse(t, k, path, nil)
			d.match = d.ports()
			test.act(d)
			k.untilClosed(2, d.match)
			require.Equal(t, reason(test.client), k.sum(role(flow.RoleClient, d.match)).Closed, "client")
			require.Equal(t, reason(test.server), k.sum(role(flow.RoleServer, d.match)).Closed, "server")
		})
	}
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
