// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestOwnersOfManyConnections wants the right process at both ends of each of
// many connections at once: the client's, and the listener's.
func TestOwnersOfManyConnections(t *testing.T) {
	const each = 100
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	path, scenario := traffic.Loopback(p.NS, p.IPv4.String()), traffic.Exchange(1, 1, 1)
	server := traffic.Start(t, p.NS, "shop")
	address := server.Listen(path.Socket, netip.AddrPortFrom(p.IPv4, 0))
	clients := []*traffic.Process{
		traffic.Start(t, p.NS, "shopper"), traffic.Start(t, p.NS, "window-shopper"),
		traffic.Start(t, p.NS, "shopper"), traffic.Start(t, p.NS, "thief"),
	}
	served := server.Serve(path.Socket, each*len(clients), scenario.Server)
	var connected []func() []traffic.End
	for i, client := range clients {
		// From an address of its own: a port that was another's is free again after that one's end.
		path.Sources = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + i)})}
		connected = append(connected, client.Connect(path, address, each, 4, scenario.Client))
	}
	for i, client := range clients {
		for _, end := range connected[i]() {
			requireProcess(t, k, end, client)
		}
	}
	for _, end := range served() {
		requireProcess(t, k, end, server)
	}
}

// requireProcess wants a connection's end, which is closed, to be a process's.
func requireProcess(t testing.TB, k *collector, end traffic.End, process *traffic.Process) {
	t.Helper()
	ofEnd := func(key flow.Key) bool {
		return key.Local == end.Local.Addr() && key.LocalPort == end.Local.Port() &&
			key.Remote == end.Remote.Addr() && key.RemotePort == end.Remote.Port()
	}
	if len(k.keys(ofEnd)) == 0 {
		k.collect()
	}
	keys := k.keys(ofEnd)
	require.Len(t, keys, 1, "flows of %s -> %s", end.Local, end.Remote)
	require.EqualValues(t, process.PID, keys[0].Owner.PID())
	require.NotZero(t, keys[0].Owner.Start)
	require.Equal(t, process.Name, k.Owner(keys[0].Owner).Executable)
}

// TestOwnersOfMillisecondProcesses execs processes that connect and exit: who
// looks for them in /proc afterwards finds nobody.
func TestOwnersOfMillisecondProcesses(t *testing.T) {
	const processes = 200
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	blink, address := executable(t, "blink"), serveNothing(t, p)
	pids := make(map[uint32]bool)
	for range processes {
		pids[connectOnce(t, p, blink, address)] = true
	}
	k.untilClosed(2*processes, p.here())

	clients := k.keys(role(flow.RoleClient, p.here()))
	require.Len(t, clients, processes)
	for _, key := range clients {
		require.True(t, pids[key.Owner.PID()], "process %d", key.Owner.PID())
		require.Equal(t, "blink", k.named[key.Owner].Executable)
	}
	for _, key := range k.keys(role(flow.RoleServer, p.here())) {
		require.EqualValues(t, os.Getpid(), key.Owner.PID())
	}
}

// TestListenerOlderThanKernel wants children of a listener that was there before
// to have its owner.
func TestListenerOlderThanKernel(t *testing.T) {
	p := newPlace(t)
	path, scenario := traffic.Loopback(p.NS, p.IPv6.String()), traffic.Exchange(1, 1, 1)
	server, client := traffic.Start(t, p.NS, "old-shop"), traffic.Start(t, p.NS, "shopper")
	address := server.Listen(path.Socket, netip.AddrPortFrom(p.IPv6, 0))
	k := observe(t, Config{Granularity: GranularityConnection})

	served := server.Serve(path.Socket, 1, scenario.Server)
	connected := client.Connect(path, address, 1, 1, scenario.Client)
	requireProcess(t, k, connected()[0], client)
	requireProcess(t, k, served()[0], server)
}

// connectOnce lets a process connect and exit, and returns who it was.
func connectOnce(t testing.TB, p place, executable, address string) (pid uint32) {
	t.Helper()
	command := again(t, executable, actConnect, address)
	require.NoError(t, p.Try(command.Start))
	require.NoError(t, command.Wait(), "%s", command.Stderr)
	return uint32(command.Process.Pid)
}

// serveNothing accepts and closes.
func serveNothing(t testing.TB, p place) (address string) {
	t.Helper()
	listener := p.Listen(netip.AddrPortFrom(p.IPv4, 0).String())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().(*net.TCPAddr).AddrPort().String()
}

// mine matches flows of the test's own process.
func mine(key flow.Key) bool { return int(key.Owner.PID()) == os.Getpid() }
