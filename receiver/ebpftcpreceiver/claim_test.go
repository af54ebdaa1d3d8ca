// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// in is what a client did in a namespace.
func (tt *translatorTest) in(namespace uint32, port, serial uint16) *flow.Delta {
	d := tt.connected(port, serial, virtual)
	d.Namespace = namespace
	return d
}

// TestConnectionsOfTwoNamespacesWithTheSameEnds comes in either order.
func TestConnectionsOfTwoNamespacesWithTheSameEnds(t *testing.T) {
	for _, first := range []uint32{1, 2} {
		tt := newTranslatorTest(t, nil)
		tt.goes(40000, backend)
		a, b := tt.in(first, 40000, 1), tt.in(3-first, 40000, 2)
		require.True(t, tt.meets(a), "new")
		require.True(t, tt.meets(b))
		tt.translate(a)
		tt.translate(b)
		require.False(t, a.Key.Translated.IsValid())
		require.False(t, b.Key.Translated.IsValid())
	}
}

func TestSharingEnds(t *testing.T) {
	tt := newTranslatorTest(t, nil)
	e := tt.goes(40000, backend)
	a := tt.in(1, 40000, 1)
	require.True(t, tt.meets(a))
	tt.translate(a)
	require.Equal(t, backend, a.Key.Translated.AddrPort())
	tt.end()

	require.NoError(t, tt.begin()) // a stays what it is, and b cannot be told
	again, b := tt.in(1, 40000, 1), tt.in(2, 40000, 2)
	again.Opened, again.Namespace = 0, 77 // another one's by now
	require.False(t, tt.meets(again), "known")
	require.True(t, tt.meets(b))
	tt.translate(again)
	tt.translate(b)
	require.Equal(t, a.Key, again.Key)
	require.False(t, b.Key.Translated.IsValid())
	tt.end()

	tt.table.End(1, e, tt.clock)
	for range peerRounds + 1 {
		tt.clock += 10
		require.NoError(t, tt.begin())
		tt.end()
	}
	require.Empty(t, tt.claims, "forgotten")
}
