// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// TestOlderThatNobodyFinds leaves servers in a namespace that nothing leads to, where no
// process has accepted them: one that stays, and those whose listener is closed. Each is
// missing in the interval in which it ends.
func TestOlderThatNobodyFinds(t *testing.T) {
	const n = 3
	group := ownGroup(t)
	client, server := newHiddenPair(t)
	ending, staying := server.Listen(server.IPv4.String()+":0"), server.Listen(server.IPv4.String()+":0")
	var ended []*net.TCPConn
	for range n {
		ended = append(ended, dial(t, client.NS, addressOf(ending)))
	}
	dial(t, client.NS, addressOf(staying))
	k := observe(t, Config{Cgroup: group, Granularity: GranularityConnection})
	k.collect()
	require.EqualValues(t, n+1, k.sum(at(client.IPv4)).Live[unix.BPF_TCP_ESTABLISHED], "clients are held by a process")
	require.Zero(t, k.report.Lost[flow.LostNotFound])
	require.EqualValues(t, n+1, k.report.Missed, "clients without callbacks")

	require.NoError(t, ending.Close())
	for _, c := range ended {
		_, err := tcpinfo.AwaitClosed(t.Context(), c)
		require.NoError(t, err)
	}
	k.collect()
	require.EqualValues(t, n, k.report.Lost[flow.LostNotFound])
	require.EqualValues(t, n, k.report.Described, "clients that have ended")
	require.EqualValues(t, n+1, k.report.Missed, "their servers, and the client that stays")
	k.collect()
	require.Zero(t, k.report.Lost[flow.LostNotFound], "told once")
	require.EqualValues(t, 1, k.report.Missed)
}

// TestEndsOfWhoIsKnown closes sockets that have no record because none is due: those that
// were never connected, that were refused, and that the configuration excludes, older or not.
func TestEndsOfWhoIsKnown(t *testing.T) {
	group := ownGroup(t)
	p := newPlace(t)
	listener, closed := p.Listen(p.IPv4.String()+":0"), p.Listen(p.IPv4.String()+":0")
	require.NoError(t, closed.Close())
	all := bothEnds(t, p, listener)
	k := observe(t, Config{Cgroup: group, Exclude: []Rule{{Ports: []uint16{addressOf(listener).Port()}}}})
	all = append(all, bothEnds(t, p, listener)...)
	refused, unused := newPlug(t, p.NS), newPlug(t, p.NS)
	require.ErrorIs(t, refused.connect(addressOf(closed)), unix.ECONNREFUSED)
	require.NoError(t, unused.bind(netip.AddrPortFrom(p.IPv4, 0)))
	for _, end := range append(all, refused.file, unused.file) {
		require.NoError(t, end.Close())
	}
	k.collect()
	require.Empty(t, k.keys(to(addressOf(listener))))
	require.Zero(t, k.report.Lost[flow.LostNotFound])
}

func dial(t *testing.T, from *netns.NS, to netip.AddrPort) *net.TCPConn {
	t.Helper()
	client, err := from.Dial(to.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func bothEnds(t *testing.T, p place, listener *net.TCPListener) []io.Closer {
	t.Helper()
	client := dial(t, p.NS, addressOf(listener))
	server, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return []io.Closer{client, server}
}
