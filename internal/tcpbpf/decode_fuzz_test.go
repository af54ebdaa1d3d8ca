// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// FuzzDecode decodes a flow from whatever bytes, as user space reads them.
func FuzzDecode(f *testing.F) {
	for _, seed := range seedFlows() {
		b, err := binary.Append(nil, binary.NativeEndian, &seed)
		require.NoError(f, err)
		f.Add(b, seed.Now.Sweep)
		f.Add(b, seed.Now.Sweep+1)
	}
	f.Add([]byte{}, uint32(0))
	f.Add(bytes.Repeat([]byte{0xff}, binary.Size(tcpwhyFlow{})), uint32(1<<32-1))

	f.Fuzz(func(t *testing.T, b []byte, sweep uint32) {
		var record tcpwhyFlow
		fill(t, &record, b)
		before := record
		var d flow.Delta
		decode(&d, &record, sweep)

		require.Equal(t, before, record, "the record is only read")
		requireKey(t, d.Key, &record)
		requireCounters(t, &d, &record, sweep)
		requireSample(t, d.RTT, record.Rtt.Sum, record.Rtt.Counts[:], flow.RTTLayout)
		requireSample(t, d.RTTVariation, record.RttVariation.Sum, record.RttVariation.Counts[:], flow.RTTLayout)
		requireSample(t, d.ReceiveWindow, record.ReceiveWindow.Sum, record.ReceiveWindow.Counts[:], flow.WindowLayout)
		requireSample(t, d.SendWindow, record.SendWindow.Sum, record.SendWindow.Counts[:], flow.WindowLayout)
	})
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "2001:db8::ffff:1"} {
		b := netip.MustParseAddr(seed).As16()
		f.Add(b[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var words [4]uint32
		fill(t, &words, b)
		a := address(words)

		require.True(t, a.IsValid())
		require.False(t, a.Is4In6())
		require.Empty(t, a.Zone())
		want := make([]byte, 16)
		copy(want, b)
		have := a.As16()
		require.Equal(t, want, have[:])
		require.Equal(t, bytes.HasPrefix(want, []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}), a.Is4())
	})
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "nginx\x00", "nginx\x00left over", "no end", "\x00\x00", "caf\xc3\xa9\x00", "\xff\xfe"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := make([]int8, len(b))
		for i := range b {
			c[i] = int8(b[i])
		}
		want, _, _ := bytes.Cut(b, []byte{0})
		require.Equal(t, string(want), text(c))
	})
}

// seedFlows are one of each kind: IPv4, IPv6, IPv4 by a socket of IPv6 without an address, overflow, idle.
func seedFlows() []tcpwhyFlow {
	busy := tcpwhyFlow{
		Keyed: 1, Since: 1_000_000, Bytes: [2]uint64{1, 2}, Segments: [2]uint64{3, 4}, DataSegments: [2]uint64{5, 6},
		Time: [4]uint64{24, 25, 26, 27}, StallTime: 28, Opened: 8, Closed: [4]uint32{9, 10, 11, 12},
		Retransmits: [5]uint32{7, 29, 30, 31, 32}, Episodes: 33, Spurious: 34, OutOfOrder: 35,
		Failed: [8]uint32{36, 37, 38, 39, 40, 41, 42, 43}, Probes: 44, Exchanges: 45, Stalls: 46, Corks: 47, Resets: [2]uint32{48, 49}, Overflows: 63,
	}
	busy.Now.Sweep, busy.Now.Live[1], busy.Now.Awaiting = 13, 14, 50
	busy.Now.QueueSend, busy.Now.QueueUnsent, busy.Now.QueueReceive, busy.Now.DeliveryRate = 51, 52, 53, 54
	busy.Now.RttMin, busy.Now.CongestionWindow, busy.Now.Scale = 55, 56, [2]uint8{57, 58}
	busy.Now.ListenQueue, busy.Now.ListenLimit = 64, 65
	busy.Now.ReceiveBuffer, busy.Now.SendBuffer = [2]uint32{59, 60}, [2]uint32{61, 62}
	busy.Key.Local = [4]uint32{2: networkOrder(0xffff), 3: networkOrder(10 << 24)}
	busy.Key.Remote = [4]uint32{2: networkOrder(0xffff), 3: networkOrder(127<<24 | 1)}
	busy.Key.Owner.Program, busy.Key.Owner.Start = 17<<22|15, 16
	busy.Key.LocalPort, busy.Key.RemotePort, busy.Key.Role = 17, 443, 1
	busy.Rtt.Sum, busy.Rtt.Counts[1], busy.Rtt.Counts[127] = 18, 19, 20
	busy.RttVariation.Counts[0] = 21
	busy.SendWindow.Sum, busy.SendWindow.Counts[31] = 22, 23

	v6, unbound, overflow, listener := busy, busy, busy, busy
	unbound.Key.Local = [4]uint32{}
	listener.Key.Role = 3
	v6.Key.Local = [4]uint32{networkOrder(0x20010db8), 3: networkOrder(1)}
	v6.Key.Remote = [4]uint32{3: networkOrder(1)}
	overflow.Key.Overflow = 1
	return []tcpwhyFlow{busy, v6, unbound, overflow, listener, {Keyed: 1}}
}

// fill decodes as many bytes as there are; the rest stays zero.
func fill(t *testing.T, out any, b []byte) {
	padded := make([]byte, binary.Size(out))
	copy(padded, b)
	_, err := binary.Decode(padded, binary.NativeEndian, out)
	require.NoError(t, err)
}

func requireKey(t *testing.T, k flow.Key, record *tcpwhyFlow) {
	require.Equal(t, record.Key.Overflow != 0, k.Overflow)
	require.Equal(t, record.Key.Owner, *encodeOwner(k.Owner))
	if k.Overflow {
		require.Equal(t, flow.Key{Overflow: true, Owner: k.Owner}, k, "an overflow flow is its owner's only")
		return
	}
	if k.Remote.Is4() && record.Key.Local == [4]uint32{} {
		require.Equal(t, netip.IPv4Unspecified(), k.Local, "both ends are of one family")
	} else {
		require.Equal(t, address(record.Key.Local), k.Local)
	}
	if k.Role == flow.RoleListener {
		require.False(t, k.Remote.IsValid(), "a listener has no peer")
	} else {
		require.Equal(t, address(record.Key.Remote), k.Remote)
	}
	require.Equal(t, record.Key.LocalPort, k.LocalPort)
	require.Equal(t, record.Key.RemotePort, k.RemotePort)
	require.EqualValues(t, record.Key.Role, k.Role)
}

func requireCounters(t *testing.T, d *flow.Delta, record *tcpwhyFlow, sweep uint32) {
	require.Equal(t, record.Since*1000, d.Since)
	require.Equal(t, record.Bytes, d.Bytes)
	require.Equal(t, record.Segments, d.Segments)
	require.Equal(t, record.DataSegments, d.DataSegments)
	require.Equal(t, record.Time, d.Time)
	require.EqualValues(t, record.Opened, d.Opened)
	require.EqualValues(t, record.Exchanges, d.Exchanges)
	for i, n := range record.Closed {
		require.EqualValues(t, n, d.Closed[i])
	}
	requireTrouble(t, &d.Trouble, record)
	if sweep == record.Now.Sweep {
		require.Equal(t, record.Now.Live, d.Live)
		requireGauges(t, &d.Now, record)
	} else {
		require.Zero(t, d.Live, "sockets of an older sweep may be gone")
		require.Zero(t, d.Now)
	}
}

func requireTrouble(t *testing.T, trouble *flow.Trouble, record *tcpwhyFlow) {
	for i, n := range record.Retransmits {
		require.EqualValues(t, n, trouble.Retransmits[i])
	}
	for i, n := range record.Failed {
		require.EqualValues(t, n, trouble.Failed[i])
	}
	for i, n := range record.Resets {
		require.EqualValues(t, n, trouble.Resets[i])
	}
	require.Equal(t,
		[]uint64{uint64(record.Episodes), uint64(record.Spurious), uint64(record.OutOfOrder), uint64(record.Probes),
			uint64(record.Stalls), record.StallTime, uint64(record.Corks), uint64(record.Overflows)},
		[]uint64{trouble.Episodes, trouble.Spurious, trouble.OutOfOrder, trouble.Probes,
			trouble.Stalls, trouble.StallTime, trouble.Corks, trouble.Overflows})
}

func requireGauges(t *testing.T, g *flow.Gauges, record *tcpwhyFlow) {
	n := &record.Now
	require.Equal(t, flow.Gauges{
		QueueSend: n.QueueSend, QueueUnsent: n.QueueUnsent, QueueReceive: n.QueueReceive,
		DeliveryRate: n.DeliveryRate, Awaiting: n.Awaiting, CongestionWindow: n.CongestionWindow,
		RTTMin: n.RttMin, ReceiveBuffer: n.ReceiveBuffer, SendBuffer: n.SendBuffer, WindowScale: n.Scale,
		ListenQueue: n.ListenQueue, ListenLimit: n.ListenLimit,
	}, *g)
}

// requireSample wants every count in its place, unless all samples are 0.
func requireSample(t *testing.T, s flow.Sample, sum uint64, counts []uint32, layout flow.Layout) {
	require.Equal(t, sum, s.Sum)
	require.Equal(t, counts[0], s.Zero)
	if sum == 0 {
		require.Nil(t, s.Counts)
		return
	}
	require.Len(t, s.Counts, layout.Count)
	require.True(t, slices.Equal(counts[1:], s.Counts))
}
