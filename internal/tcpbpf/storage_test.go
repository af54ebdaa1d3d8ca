// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// TestConnectWithoutRecord connects sockets that may have no more memory: one without
// a route, one that is refused, one that succeeds. Each is told of once for each way.
func TestConnectWithoutRecord(t *testing.T) {
	place := newPlace(t)
	k := observe(t, Config{})
	listener := place.Listen(place.IPv4.String() + ":0")
	refused := netip.AddrPortFrom(place.IPv4.Next(), 1)
	for _, test := range []struct {
		to    netip.AddrPort
		error error
		lost  uint64 // clients without a record
	}{
		{netip.MustParseAddrPort("192.0.2.1:1"), unix.ENETUNREACH, 0},
		{refused, unix.ECONNREFUSED, 1},
		{addressOf(listener), nil, 1},
	} {
		plug, before := newPlug(t, place.NS), k.counts().Attempts
		exhaust(t, plug)
		require.ErrorIs(t, plug.connect(test.to), test.error)
		k.collect()
		require.Equal(t, before+1, k.counts().Attempts)
		require.Equal(t, test.lost, k.report.Lost[flow.LostNoStorage], "to %s", test.to)
	}
	s := k.sum(at(place.IPv4, place.IPv4.Next(), netip.MustParseAddr("192.0.2.1")))
	require.EqualValues(t, 1, s.Opened, "the server has a record")
	require.Zero(t, s.Failed)
}

// exhaust takes all the memory that the kernel allows a socket for options and the like,
// but for less than a record takes, in records of another map each.
func exhaust(t *testing.T, p plug) {
	t.Helper()
	for size := uint32(32 << 10); size >= 8; {
		m, err := ebpf.NewMap(&ebpf.MapSpec{
			Type: ebpf.SkStorage, KeySize: 4, ValueSize: size, Flags: unix.BPF_F_NO_PREALLOC,
			Key:   &btf.Int{Size: 4, Encoding: btf.Signed},
			Value: &btf.Array{Index: &btf.Int{Size: 4}, Type: &btf.Int{Size: 1}, Nelems: size},
		})
		require.NoError(t, err)
		t.Cleanup(func() { _ = m.Close() })
		if err := p.do(func(fd int) error { return m.Put(int32(fd), make([]byte, size)) }); err != nil {
			require.ErrorIs(t, err, unix.ENOMEM)
			size /= 2
		}
	}
}
