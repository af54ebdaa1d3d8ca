// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// unknownApart are the first connections to an end that are told apart before it is known.
const unknownApart = 64

// TestConnectionsToAnEndThatIsNotKnown makes more than are told apart: each of the others is
// counted, and none of those to an end that is known.
func TestConnectionsToAnEndThatIsNotKnown(t *testing.T) {
	const n = unknownApart + 6
	p := newPlace(t)
	k := observeApart(t, p)
	for name, test := range map[string]struct {
		know         func(netip.AddrPort)
		apart, whole int
	}{
		"not known":           {func(netip.AddrPort) {}, unknownApart, n - unknownApart},
		"itself":              {func(end netip.AddrPort) { require.NoError(t, k.SetEnd(end, EndItself)) }, 0, 0},
		"virtual":             {func(end netip.AddrPort) { require.NoError(t, k.SetEnd(end, EndVirtual)) }, n, 0},
		"virtual, and forgot": {k.forget, unknownApart, n - unknownApart},
	} {
		t.Run(name, func(t *testing.T) {
			end := addressOf(p.Listen(netip.AddrPortFrom(p.IPv4, 0).String()))
			test.know(end)
			before, err := k.Counts()
			require.NoError(t, err)
			for range n {
				conn, err := p.Dial(end.String())
				require.NoError(t, err)
				t.Cleanup(func() { _ = conn.Close() })
			}
			apart, all := k.dialed(end)
			after, err := k.Counts()
			require.NoError(t, err)
			require.Equal(t, [2]uint64{uint64(test.apart), n}, [2]uint64{apart, all})
			require.EqualValues(t, test.whole, after.NotApart-before.NotApart)
		})
	}
}

// observeApart observes one place, as where addresses are translated.
func observeApart(t *testing.T, p place) *collector {
	t.Helper()
	k := observe(t, Config{Apart: true, Include: only(p)})
	require.NoError(t, k.SetApart(true))
	return k
}

// forget makes an end virtual, and then as many others that it has to make room.
func (c *collector) forget(end netip.AddrPort) {
	c.t.Helper()
	require.NoError(c.t, c.SetEnd(end, EndVirtual))
	key := tcpwhyEnd{Address: words(end.Addr()), Port: uint32(end.Port())}
	other := netip.MustParseAddr("198.18.0.0")
	for i := 0; i < 4*maxEnds && c.objects.Ends.Lookup(&key, new(tcpwhyEndState)) == nil; i++ {
		other = other.Next()
		require.NoError(c.t, c.SetEnd(netip.AddrPortFrom(other, 1), EndVirtual))
	}
	require.Error(c.t, c.objects.Ends.Lookup(&key, new(tcpwhyEndState)))
}

// dialed collects, and returns how many connections to an end were opened: those that are told apart, and all.
func (c *collector) dialed(end netip.AddrPort) (apart, all uint64) {
	c.t.Helper()
	_, err := c.Collect(context.Background(), func(d *flow.Delta) {
		if d.Key.Role != flow.RoleClient || d.Key.Remote != end.Addr() || d.Key.RemotePort != end.Port() {
			return
		}
		all += d.Opened
		if d.Serial != 0 {
			apart += d.Opened
		}
	})
	require.NoError(c.t, err)
	return apart, all
}
