// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// TestNeverAccepted has connections that no process ever accepts: they are open,
// are their listener's, carry data, and are reset with it.
func TestNeverAccepted(t *testing.T) {
	const n = 3
	p := newPlace(t)
	k := observe(t, Config{})
	listener := p.Listen(p.IPv4.String() + ":0")
	for range n {
		client, err := p.Dial(listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = client.Close() })
		_, err = client.Write(make([]byte, 10))
		require.NoError(t, err)
	}
	k.collect()
	s := k.sum(role(flow.RoleServer, p.here()))
	require.EqualValues(t, n, s.Opened)
	require.EqualValues(t, n, s.Live[unix.BPF_TCP_ESTABLISHED])
	require.Equal(t, [2]uint64{0, 10 * n}, s.Bytes)
	for _, key := range k.keys(p.here()) {
		requireSelf(t, k, key)
	}

	require.NoError(t, listener.Close())
	k.untilClosed(2*n, p.here())
	s = k.sum(role(flow.RoleServer, p.here()))
	require.EqualValues(t, n, s.Closed[flow.CloseResetSent])
	require.Equal(t, [2]uint64{0, 10 * n}, s.Bytes)
	require.EqualValues(t, n, k.sum(role(flow.RoleClient, p.here())).Closed[flow.CloseResetReceived])
}
