// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
)

// TestExcludedLeavesNothing looks for the records and flows of an excluded and of
// an observed connection.
func TestExcludedLeavesNothing(t *testing.T) {
	all := gates(t)
	excluded, observed := all["low"], all["high"]
	k := observe(t, Config{Exclude: []Rule{{Ports: []uint16{excluded.port()}}}})
	client, server := excluded.open(t)
	require.False(t, recorded(t, k, client))
	require.False(t, recorded(t, k, server))
	client, server = observed.open(t)
	require.True(t, recorded(t, k, client))
	require.True(t, recorded(t, k, server))

	k.collect()
	require.Empty(t, k.keys(excluded.ends))
	require.Len(t, k.keys(observed.ends), 2)
}

// TestExcludedIsNotCalledBack lets an excluded and an observed connection talk.
// The kernel calls back all programs if one asked for it, so there must be no other
// for a moment.
func TestExcludedIsNotCalledBack(t *testing.T) {
	all := gates(t)
	excluded, observed := all["low"], all["high"]
	k := observe(t, Config{Exclude: []Rule{{Ports: []uint16{excluded.port()}}}})
	counting, err := EnableStatistics()
	require.NoError(t, err)
	defer counting.Close()

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if !alone(t) {
			continue
		}
		none, all := excluded.calls(t, k), observed.calls(t, k)
		if !alone(t) {
			continue
		}
		require.Less(t, none, uint64(100))
		require.GreaterOrEqual(t, all, uint64(100))
		return
	}
	t.Skip("other sock_ops programs are attached all the time: whose callbacks come cannot be told")
}

// recorded reports whether the kernel side keeps a record of a socket.
func recorded(t *testing.T, k *collector, conn *net.TCPConn) bool {
	t.Helper()
	err := control(t, conn, func(fd int32) error {
		var record tcpwhyConn
		return k.objects.Conns.Lookup(fd, &record)
	})
	if err != nil {
		require.ErrorIs(t, err, ebpf.ErrKeyNotExist)
	}
	return err == nil
}

func control(t *testing.T, conn syscall.Conn, f func(fd int32) error) (err error) {
	t.Helper()
	raw, e := conn.SyscallConn()
	require.NoError(t, e)
	require.NoError(t, raw.Control(func(fd uintptr) { err = f(int32(fd)) }))
	return err
}

// calls is how often the kernel calls back while a connection through the gate
// carries 1,000 bytes to and fro.
func (g gate) calls(t *testing.T, k *collector) uint64 {
	t.Helper()
	client, server := g.open(t)
	before, err := k.objects.TcpwhySockOps.Stats()
	require.NoError(t, err)
	var b [1]byte
	for range 1000 {
		for _, way := range [][2]*net.TCPConn{{client, server}, {server, client}} {
			_, err := way[0].Write(b[:])
			require.NoError(t, err)
			_, err = way[1].Read(b[:])
			require.NoError(t, err)
		}
	}
	after, err := k.objects.TcpwhySockOps.Stats()
	require.NoError(t, err)
	return after.RunCount - before.RunCount
}

// alone reports whether no other sock_ops program is attached.
func alone(t *testing.T) bool {
	t.Helper()
	root, err := os.Open(cgroup.Root(t))
	require.NoError(t, err)
	defer root.Close()
	attached, err := link.QueryPrograms(link.QueryOptions{Target: int(root.Fd()), Attach: ebpf.AttachCGroupSockOps})
	require.NoError(t, err)
	return len(attached.Programs) == 1
}
