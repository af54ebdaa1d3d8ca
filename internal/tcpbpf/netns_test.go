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

// TestEveryNamespaceInOnePass holds a connection open in each of 50 namespaces,
// has one sweep find them all, and another one what they did since.
func TestEveryNamespaceInOnePass(t *testing.T) {
	k := observe(t, Config{})
	var dialogues []*dialogue
	for i := range 50 {
		place := newPlace(t)
		address := place.IPv4
		if i%2 == 1 {
			address = place.IPv6
		}
		d := converse(t, k, traffic.Loopback(place.NS, address.String()), place.here())
		d.clients(write(1000 + int64(i)))
		d.servers(arrive(1000 + int64(i)))
		dialogues = append(dialogues, d)
	}

	k.collect()
	for i, d := range dialogues {
		require.Equal(t, sides(1000+uint64(i)), d.bytes(), "namespace %d", i)
		for _, r := range []flow.Role{flow.RoleClient, flow.RoleServer} {
			s := k.sum(role(r, d.match))
			require.EqualValues(t, 1, s.Opened, "namespace %d", i)
			require.EqualValues(t, 1, s.Live[unix.BPF_TCP_ESTABLISHED], "namespace %d", i)
		}
		d.clients(write(1))
		d.servers(arrive(1001 + int64(i)))
	}
	k.collect()
	for i, d := range dialogues {
		require.Equal(t, sides(1001+uint64(i)), d.bytes(), "namespace %d", i)
	}
}

// sides is n bytes from the client to the server, as both of them see it.
func sides(n uint64) [2][2]uint64 { return [2][2]uint64{{n, 0}, {0, n}} }

// bytes returns what the client's and the server's flow transmitted and received.
func (d *dialogue) bytes() [2][2]uint64 {
	c, s := d.k.sum(role(flow.RoleClient, d.match)), d.k.sum(role(flow.RoleServer, d.match))
	return [2][2]uint64{c.Bytes, s.Bytes}
}
