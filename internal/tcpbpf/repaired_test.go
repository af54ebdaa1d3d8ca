// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"encoding/binary"
	"io"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// TestRepairedSockets makes a connection as who moves it from elsewhere does (TCP_REPAIR,
// CRIU): no segment is sent for it, and from then on all is counted. The kernel says that both
// ends have connected, so both are clients.
func TestRepairedSockets(t *testing.T) {
	const there, back = 5000, 70_000
	client, server := newPair(t)
	k := observe(t, Config{Granularity: GranularityConnection, Include: ofHosts(client, server)})
	ends := [2]netip.AddrPort{netip.AddrPortFrom(client.IPv4, 4001), netip.AddrPortFrom(server.IPv4, 4002)}
	a := repaired(t, client, ends[0], ends[1], 1_000_000, 4_000_000_000)
	b := repaired(t, server, ends[1], ends[0], 4_000_000_000, 1_000_000)
	for _, p := range []plug{a, b} {
		require.NoError(t, p.do(func(fd int) error { return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, 0) }))
	}
	exchange := func(from, to plug, n int) {
		done := make(chan error, 1)
		go func() { done <- from.write(n) }()
		_, err := io.CopyN(io.Discard, to.file, int64(n))
		require.NoError(t, err)
		require.NoError(t, <-done)
	}
	exchange(a, b, there)
	exchange(b, a, back)
	for _, p := range []plug{a, b} {
		p.quiet()
	}
	k.collect()
	requireCoverage(t, k, 2, 0)
	for i, p := range []plug{a, b} {
		info, here := p.quiet(), func(key flow.Key) bool { return key.Local == ends[i].Addr() }
		s := k.sum(here)
		want := [2]uint64{there, back}
		if i == 1 {
			want = [2]uint64{back, there}
		}
		require.Equal(t, want, s.Bytes)
		require.Equal(t, [2]uint64{uint64(info.Segs_out), uint64(info.Segs_in)}, s.Segments)
		require.EqualValues(t, 1, s.Opened)
		require.Len(t, k.keys(here), 1)
		require.Equal(t, flow.RoleClient, k.keys(here)[0].Role)
		requireSelf(t, k, k.keys(here)[0])
	}
	require.NoError(t, a.close())
	require.NoError(t, b.close())
	k.untilClosed(2, at(client.IPv4))
	require.EqualValues(t, 2, k.sum(at(client.IPv4)).Closed[flow.CloseFIN])
}

// repaired makes one end of a connection without its peer.
func repaired(t *testing.T, host netns.Host, own, peer netip.AddrPort, send, receive int) plug {
	t.Helper()
	const receiveQueue, sendQueue = 1, 2
	p := newPlug(t, host.NS)
	for _, option := range [][2]int{
		{unix.TCP_REPAIR, 1},
		{unix.TCP_REPAIR_QUEUE, sendQueue}, {unix.TCP_QUEUE_SEQ, send},
		{unix.TCP_REPAIR_QUEUE, receiveQueue}, {unix.TCP_QUEUE_SEQ, receive},
		{unix.TCP_REPAIR_QUEUE, 0},
	} {
		require.NoError(t, p.do(func(fd int) error {
			return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, option[0], option[1])
		}))
	}
	require.NoError(t, p.bind(own))
	require.NoError(t, p.connect(peer))
	const segment, window = 2, 3 // options of TCP, with what both ends have agreed upon
	var agreed []byte
	for _, n := range []uint32{segment, 1400, window, 7 | 7<<16} {
		agreed = binary.NativeEndian.AppendUint32(agreed, n)
	}
	require.NoError(t, p.do(func(fd int) error {
		return unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR_OPTIONS, string(agreed))
	}))
	return p
}
