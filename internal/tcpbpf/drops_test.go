// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// TestOverflowsAtTheEndOfHandshakes has clients in the middle of their handshakes as the
// queue fills up, as many are who come at once: the kernel finds it full when they are
// through, and counts one overflow, but two drops of the listener, or one of who got a
// SYN cookie.
func TestOverflowsAtTheEndOfHandshakes(t *testing.T) {
	kernel.Require(t, kernel.SocketOfDrop)
	const room, late = 2, 5
	p := newPlace(t)
	k := observe(t, Config{})
	k.tellDrops()
	listener := narrow(t, p)
	at := addressOf(listener)

	lost := nft.New(t, p.NS)
	lost.Drop(nft.Input, 1000, nft.DestinationPort(at.Port()), nft.Flags(nft.ACK))
	var clients []plug
	for range late {
		clients = append(clients, newPlug(t, p.NS))
		require.NoError(t, clients[len(clients)-1].connect(at))
	}
	lost.Clear()
	for range room {
		require.NoError(t, newPlug(t, p.NS).connect(at))
	}
	awaitQueue(t, listener, room)
	before := mib.Read(t, p.NS)
	for _, client := range clients {
		require.NoError(t, client.write(1))
	}
	require.Eventually(t, func() bool {
		return mib.Read(t, p.NS).Since(before)["ListenOverflows"] >= late
	}, patience, time.Millisecond)
	told, counted := k.overflowsOf(listener, p)
	require.Equal(t, counted-before["ListenOverflows"], told)
	require.Greater(t, droppedBy(t, listener), uint32(late))
}

// TestDeferredAccept: a listener that wants to be woken by data (TCP_DEFER_ACCEPT) drops
// the ACK that ends a handshake, and is not full for that. What it really drops is told
// where that ACK can be told apart, and from then on.
func TestDeferredAccept(t *testing.T) {
	const room = 2
	p := newPlace(t)
	k := observe(t, Config{})
	listener := narrow(t, p)
	require.NoError(t, control(t, listener, func(fd int32) error {
		return unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 60)
	}))
	at, before := addressOf(listener), mib.Read(t, p.NS)
	var clients []plug
	for range room {
		clients = append(clients, newPlug(t, p.NS))
		require.NoError(t, clients[len(clients)-1].connect(at))
	}
	require.Eventually(t, func() bool { return droppedBy(t, listener) == room }, patience, time.Millisecond)
	require.EqualValues(t, room, mib.Read(t, p.NS).Since(before)["TCPDeferAcceptDrop"])
	k.collect()
	require.Zero(t, k.sum(listening(at)).Overflows)

	for _, client := range clients {
		require.NoError(t, client.write(1))
	}
	awaitQueue(t, listener, room)
	k.collect() // from here on they are told apart
	besiege(t, p, at, 5)
	if tellsSocketOfDrop(t) {
		require.NotNil(t, k.drops.link)
		told, counted := k.overflowsOf(listener, p)
		require.Equal(t, counted-before["ListenOverflows"], told)
	}
	require.NoError(t, listener.Close())
	k.collect()
	if !tellsSocketOfDrop(t) {
		require.Zero(t, k.sum(listening(at)).Overflows)
	}
}

// awaitQueue waits until so many connections wait to be accepted.
func awaitQueue(t *testing.T, listener *net.TCPListener, n uint32) {
	t.Helper()
	require.Eventually(t, func() bool {
		info, err := tcpinfo.Get(listener) // of a listener, how many wait
		return err == nil && info.Unacked == n
	}, patience, time.Millisecond)
}

// overflowsOf collects until no client has tried again meanwhile, and returns what is
// told and what the namespace counts.
func (c *collector) overflowsOf(listener *net.TCPListener, p place) (told, counted uint64) {
	c.t.Helper()
	for {
		counted = mib.Read(c.t, p.NS)["ListenOverflows"]
		c.collect()
		if mib.Read(c.t, p.NS)["ListenOverflows"] == counted {
			return c.sum(listening(addressOf(listener))).Overflows, counted
		}
	}
}
