// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestStates leads a connection through the states in which it is open. A
// listener is none.
func TestStates(t *testing.T) {
	const (
		established = unix.BPF_TCP_ESTABLISHED
		finWait1    = unix.BPF_TCP_FIN_WAIT1
		finWait2    = unix.BPF_TCP_FIN_WAIT2
		closeWait   = unix.BPF_TCP_CLOSE_WAIT
		lastAck     = unix.BPF_TCP_LAST_ACK
		closing     = unix.BPF_TCP_CLOSING
	)
	client, server := newPair(t)
	link := wire{t, client, server}
	here := at(client.IPv4)
	k := observe(t, Config{})
	server.Listen(server.IPv4.String() + ":0")
	k.collect()
	require.Empty(t, k.keys(here), "a listener has no flow")

	requireLive := func(client, server int) {
		t.Helper()
		live := func(r flow.Role) [flow.NumStates]uint64 { return k.sum(role(r, here)).Live }
		require.Equal(t, live1(client), live(flow.RoleClient), "client")
		require.Equal(t, live1(server), live(flow.RoleServer), "server")
	}
	path := traffic.Between(client.NS, server.NS, server.IPv4)
	one := converse(t, k, path, here)
	k.collect()
	requireLive(established, established)
	link.cut()
	one.clients(shut)
	k.collect()
	requireLive(finWait1, established)
	link.join()
	one.servers(hear)
	one.in(finWait2)
	k.collect()
	requireLive(finWait2, closeWait)
	link.cut()
	one.servers(shut)
	k.collect()
	requireLive(finWait2, lastAck)
	link.join()
	k.untilClosed(2, here)
	requireLive(0, 0)

	two := converse(t, k, path, here)
	link.cut()
	two.clients(shut)
	two.servers(shut)
	link.teach(client, server.IPv4, hardware(t, server)) // one way only
	two.servers(hear)
	k.collect()
	requireLive(finWait1, closing)
	link.join()
	k.untilClosed(4, here)
	requireLive(0, 0)
}

// live1 is one connection in a state, none in state 0.
func live1(state int) (live [flow.NumStates]uint64) {
	if state != 0 {
		live[state] = 1
	}
	return live
}
