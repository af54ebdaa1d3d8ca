// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package floor

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
)

// TestRecordsAreMade wants a record in a listener, in who connects to it, and in its
// child, and both ends called back.
func TestRecordsAreMade(t *testing.T) {
	const size = 184
	f, err := OpenRecords(cgroup.Root(t), size)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })

	var plain net.ListenConfig
	plain.SetMultipathTCP(false)
	listener, err := plain.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	server, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })

	for _, s := range []any{listener, client, server} {
		f.requireRecord(t, s.(syscall.Conn), size)
	}
	statistics, err := tcpbpf.EnableStatistics()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, statistics.Close()) })
	for _, from := range []net.Conn{client, server} {
		before, _, err := f.Statistics()
		require.NoError(t, err)
		_, err = from.Write([]byte{0})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			runs, _, err := f.Statistics()
			return err == nil && runs > before
		}, 10*time.Second, time.Millisecond, "a round trip")
	}
}

func (f *Floor) requireRecord(t *testing.T, s syscall.Conn, size int) {
	t.Helper()
	raw, err := s.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		record := make([]byte, size)
		require.NoError(t, f.records.Lookup(uint32(fd), record)) //nolint:gosec // a descriptor
	}))
}
