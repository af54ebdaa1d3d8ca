// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
)

// observeFiles observes this process alone, by a sweep of files.
func observeFiles(t *testing.T) (*collector, *fileSweeper) {
	t.Helper()
	group := cgroup.New(t)
	group.Add(os.Getpid())
	k := observe(t, Config{Cgroup: group.Path, tamper: unverifiable(ProgramSweep)})
	return k, k.sweeper.(*fileSweeper)
}

// TestSweepEndsWithTheLastRecord: who is held by a process is met by its file, and then
// nobody goes from namespace to namespace. One that is not accepted yet, or closed and not
// finished, is looked for.
func TestSweepEndsWithTheLastRecord(t *testing.T) {
	place := newPlace(t)
	k, s := observeFiles(t)
	live := func(r flow.Role, state int) uint64 { return k.sum(role(r, place.here())).Live[state] }
	listener := place.Listen(netip.AddrPortFrom(place.IPv4, 0).String())
	client, err := place.Dial(listener.Addr().String())
	require.NoError(t, err)
	k.until(func() bool { return live(flow.RoleServer, unix.BPF_TCP_ESTABLISHED) == 1 }) // connect need not wait for that

	for range 2 {
		k.collect()
		require.Positive(t, s.walks, "not accepted yet")
		require.EqualValues(t, 1, live(flow.RoleServer, unix.BPF_TCP_ESTABLISHED))
	}
	server, err := listener.Accept()
	require.NoError(t, err)
	for range 2 {
		k.collect()
		require.Zero(t, s.walks, "all are held")
		require.EqualValues(t, 1, live(flow.RoleServer, unix.BPF_TCP_ESTABLISHED))
		require.EqualValues(t, 1, live(flow.RoleClient, unix.BPF_TCP_ESTABLISHED))
		require.EqualValues(t, 1, k.losses.progress.Listeners)
	}
	fillUp(t, client)
	require.NoError(t, client.Close())
	for range 2 {
		k.collect()
		require.Positive(t, s.walks, "closed, and has more to send")
		require.EqualValues(t, 1, live(flow.RoleClient, unix.BPF_TCP_FIN_WAIT1))
	}
	require.NoError(t, server.Close())
	k.untilClosed(2, place.here())
	require.Zero(t, s.walks, "nobody is left")
	require.NoError(t, listener.Close())
	k.collect()
	require.Positive(t, s.walks, "it may be on its way to another process")
	k.collect()
	require.Zero(t, s.walks, "it is not")
}

// fillUp writes more than there is room for at either end.
func fillUp(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	require.NoError(t, stuff(conn))
}

// TestSweepKnowsWhereListenersAre: nobody holds the TCP socket of a listener of Multipath
// TCP. It is met first in its namespace, so none is walked through to the end a second time.
func TestSweepKnowsWhereListenersAre(t *testing.T) {
	kernel.Require(t, kernel.MPTCP)
	place := newPlace(t)
	k, s := observeFiles(t)
	config := place.Socket()
	config.MPTCP = true
	listeners := 3
	for range listeners {
		place.ListenWith(config, netip.AddrPortFrom(place.IPv4, 0))
	}
	for range 3 {
		k.collect()
		require.EqualValues(t, listeners, k.losses.progress.Listeners)
		require.Equal(t, listeners, s.homes[place.Inode()].listeners)
		require.Len(t, s.homes, 1)
		for key, now := range k.gauges {
			if key.Role == flow.RoleListener {
				require.Positive(t, now.ListenLimit)
			}
		}
	}
	place.ListenWith(config, netip.AddrPortFrom(place.IPv4, 0))
	k.collect()
	require.Equal(t, listeners+1, s.homes[place.Inode()].listeners, "one more")
}

// TestCensusIsExact while connections open and close, and the sweep meets some of them.
func TestCensusIsExact(t *testing.T) {
	const n = 2000
	place := newPlace(t)
	k, s := observeFiles(t)
	k.collectWhile(func() error {
		return place.Try(func() error { return openAndClose(place.IPv4, n) })
	}, func() {})
	k.untilClosed(2*n, place.here())
	now, err := s.census.read()
	require.NoError(t, err)
	require.EqualValues(t, 2*n, now.Opened)
	require.EqualValues(t, 2*n, now.Closed)
	connections, _, err := s.census.unmet(&k.losses.progress)
	require.NoError(t, err)
	require.Zero(t, connections)
}
