// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestExcludedAreCounted compares with the connections that the test made, both
// ends of each. They are no loss.
func TestExcludedAreCounted(t *testing.T) {
	const n = 20
	place := newPlace(t)
	k := observe(t, Config{Exclude: only(place)})
	out, in := traffic.Loopback(place.NS, place.IPv4.String()), traffic.Loopback(place.NS, place.IPv4.Next().String())
	out.Sources, in.Sources = []netip.Addr{place.IPv4}, []netip.Addr{place.IPv4.Next()}
	out.Run(t, 4, traffic.Exchange(1, 1, 1).Times(n)...)
	in.Run(t, 4, traffic.Exchange(1, 1, 1).Times(n)...)
	k.untilClosed(2*n, at(in.Address))
	require.Empty(t, k.keys(at(out.Address)))
	require.EqualValues(t, 2*n, k.counts().Excluded)
	require.Zero(t, k.report.Lost[flow.LostOverflow])
}

// TestCollisionsAreCounted gives a flow's place to another one, as if both had the
// same hash. Its totals go to overflow.
func TestCollisionsAreCounted(t *testing.T) {
	place := newPlace(t)
	k := observe(t, Config{Include: only(place)})
	client, server := newGate(place, traffic.Loopback(place.NS, place.IPv4.String())).open(t)
	k.collect()
	require.Zero(t, k.counts().Collisions)

	id := record(t, k, client).FlowId
	stranger := tcpwhyFlow{Keyed: 1}
	stranger.Key.LocalPort = 1
	require.NoError(t, k.objects.FlowsOdd.Put(&id, &stranger))
	_, err := client.Write(make([]byte, 10))
	require.NoError(t, err)
	_, err = io.ReadFull(server, make([]byte, 10))
	require.NoError(t, err)
	before := k.counts().Collisions // a round trip may have been among them
	for i := range uint64(3) {
		require.Equal(t, before+i, k.counts().Collisions, "after %d sweeps", i)
		require.NoError(t, k.Sweep(t.Context()))
	}
	k.collect()
	require.EqualValues(t, 10, k.sum(overflown).Bytes[flow.Transmit])
	require.EqualValues(t, 1, k.report.Lost[flow.LostOverflow])
	require.Zero(t, k.report.Lost[flow.LostDeferred])
}

func (c *collector) counts() Counts {
	c.t.Helper()
	counts, err := c.Counts()
	require.NoError(c.t, err)
	return counts
}

// record is what the kernel side keeps of a socket.
func record(t *testing.T, k *collector, conn *net.TCPConn) (r tcpwhyConn) {
	t.Helper()
	require.NoError(t, control(t, conn, func(fd int32) error { return k.objects.Conns.Lookup(fd, &r) }))
	return r
}
