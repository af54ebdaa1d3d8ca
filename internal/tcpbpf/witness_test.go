// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// Shorthands for scripts.
var (
	shut   = traffic.Step{Verb: traffic.Shutdown}
	hear   = traffic.Step{Verb: traffic.Drain}
	await  = traffic.Step{Verb: traffic.Await}
	abort  = traffic.Step{Verb: traffic.Abort}
	finish = traffic.Step{Verb: traffic.Close}
	flush  = traffic.Step{Verb: traffic.Flush}
)

func write(n int64) traffic.Step  { return traffic.Step{Verb: traffic.Write, Bytes: n} }
func read(n int64) traffic.Step   { return traffic.Step{Verb: traffic.Read, Bytes: n} }
func arrive(n int64) traffic.Step { return traffic.Step{Verb: traffic.Arrive, Bytes: n} }

// A dialogue is one connection, step by step.
type dialogue struct {
	t              *testing.T
	k              *collector
	client, server *traffic.Conn
	match          func(flow.Key) bool
}

// converse opens a connection on a path whose addresses match finds.
func converse(t *testing.T, k *collector, path traffic.Path, match func(flow.Key) bool) *dialogue {
	t.Helper()
	d := &dialogue{t: t, k: k, match: match}
	d.client, d.server = path.Open(t)
	return d
}

func (d *dialogue) clients(steps ...traffic.Step) { d.t.Helper(); d.client.Act(d.t, steps...) }
func (d *dialogue) servers(steps ...traffic.Step) { d.t.Helper(); d.server.Act(d.t, steps...) }

// gone waits until the kernel's sockets of one role are closed.
func (d *dialogue) gone(r flow.Role) {
	d.t.Helper()
	d.k.untilClosed(1, role(r, d.match))
}

// TestSegmentsThatNoSocketCounts compares flows with the packet filter. What the
// kernel sends or receives in the name of a connection that has no socket any
// more, or none yet, is in no total: the difference is stated here, out and in.
func TestSegmentsThatNoSocketCounts(t *testing.T) {
	type pair = [2]uint64
	synAck := pair{1, 0} // is sent before the server's socket is made
	for name, test := range map[string]struct {
		act    func(*dialogue)
		client pair
	}{
		"closed in order: all are counted": {act: func(d *dialogue) {
			d.clients(write(1000), shut)
			d.servers(read(1000), hear, write(10), shut)
			d.clients(read(10), hear, await, finish)
			d.servers(await, finish)
		}},
		"orphan: the time-wait socket gets the peer's FIN and answers it": {act: func(d *dialogue) {
			d.clients(write(1000), finish)
			d.gone(flow.RoleClient)
			d.servers(read(1000), hear, finish)
		}, client: pair{1, 1}},
		"data for an orphan: the time-wait socket gets it and answers with a RST": {act: func(d *dialogue) {
			d.clients(finish)
			d.gone(flow.RoleClient)
			d.servers(hear, write(1000), await, finish)
		}, client: pair{1, 1}},
		"aborted: the kernel zeroes the totals before it sends the RST": {act: func(d *dialogue) {
			d.clients(write(1000), flush, abort)
			d.servers(read(1000), hear, finish)
		}, client: pair{1, 0}},
		"unread: the RST is sent by the socket": {act: func(d *dialogue) {
			d.servers(write(1000))
			d.clients(arrive(1000), finish)
			d.servers(hear, finish)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := newPair(t)
			k := observe(t, Config{})
			here := at(client.IPv4)
			out, in := arriving(t, server), arriving(t, client)
			d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), here)
			test.act(d)
			k.untilClosed(2, here)

			c, s := k.sum(role(flow.RoleClient, here)), k.sum(role(flow.RoleServer, here))
			require.Equal(t, pair{out.Packets(), in.Packets()}, add(c.Segments, test.client), "client")
			require.Equal(t, pair{in.Packets(), out.Packets()}, add(s.Segments, synAck), "server")
			require.Equal(t, pair{d.client.End().Written, d.client.End().Read + d.client.End().Unread}, c.Bytes)
			require.Equal(t, pair{d.server.End().Written, d.server.End().Read + d.server.End().Unread}, s.Bytes)
		})
	}
}

// arriving counts all segments that come to a host. Where they leave, several
// may still be one packet.
func arriving(t *testing.T, host netns.Host) *nft.Rule {
	t.Helper()
	return nft.New(t, host.NS).Count(nft.Input)
}

func add(a, b [2]uint64) [2]uint64 { return [2]uint64{a[0] + b[0], a[1] + b[1]} }

// TestWrittenButNeverSent aborts a connection whose peer does not read. What is
// still queued then was written, but not transmitted.
func TestWrittenButNeverSent(t *testing.T) {
	place := newPlace(t)
	path := traffic.Loopback(place.NS, place.IPv4.String())
	path.Socket.ReceiveBuffer = 4096
	k := observe(t, Config{})
	d := converse(t, k, path, place.here())
	d.clients(write(200_000))
	require.Eventually(t, func() bool { return d.client.Info(t).Unacked == 0 }, patience, time.Millisecond)
	d.clients(abort)
	d.servers(await, finish)
	k.untilClosed(2, place.here())

	arrived := d.server.End().Unread
	require.Less(t, arrived, d.client.End().Written)
	require.Equal(t, arrived, k.sum(role(flow.RoleClient, place.here())).Bytes[flow.Transmit])
	require.Equal(t, arrived, k.sum(role(flow.RoleServer, place.here())).Bytes[flow.Receive])
}
