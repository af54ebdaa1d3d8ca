// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netns_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestNamespacesAreApart(t *testing.T) {
	a, b := netns.New(t), netns.New(t)
	require.NotEqual(t, a.Inode(), b.Inode())

	listener := a.Listen("127.0.0.1:0")
	address := listener.Addr().String()

	_, err := b.Dial(address)
	require.ErrorIs(t, err, unix.ECONNREFUSED)

	conn, err := a.Dial(address)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestDoReturnsTheThread(t *testing.T) {
	ns := netns.New(t)
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			before := inode(t)
			ns.Do(func() { require.Equal(t, ns.Inode(), inode(t)) })
			require.Equal(t, before, inode(t))
		})
	}
	group.Wait()
}

func TestMainThreadStaysHome(t *testing.T) {
	ns := netns.New(t)
	for range 64 {
		ns.Do(func() { require.NotEqual(t, unix.Getpid(), unix.Gettid()) })
	}
}

func TestNamespaceEndsWithItsTest(t *testing.T) {
	root.Require(t)
	var fd, number string
	t.Run("inner", func(t *testing.T) {
		ns := netns.New(t)
		fd = fmt.Sprintf("/proc/self/fd/%d", ns.FD())
		number = fmt.Sprintf("net:[%d]", ns.Inode())
		target, err := os.Readlink(fd)
		require.NoError(t, err)
		require.Equal(t, number, target)
	})
	target, _ := os.Readlink(fd)
	require.NotEqual(t, number, target)

	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.False(t, strings.Contains(string(mounts), number), "namespace is mounted")
}

func TestSysctlIsOfTheNamespace(t *testing.T) {
	a := netns.New(t, netns.Sysctl("net.ipv4.ip_local_port_range", "2000 2999"), netns.CongestionControl("reno"))
	b := netns.New(t)
	require.Equal(t, "2000\t2999", a.Sysctl("net.ipv4.ip_local_port_range"))
	require.NotEqual(t, "2000\t2999", b.Sysctl("net.ipv4.ip_local_port_range"))
	require.Equal(t, "reno", a.Sysctl("net.ipv4.tcp_congestion_control"))

	conn, err := a.Dial(a.Listen("127.0.0.1:0").Addr().String())
	require.NoError(t, err)
	port := netip.MustParseAddrPort(conn.LocalAddr().String()).Port()
	require.NoError(t, conn.Close())
	require.GreaterOrEqual(t, port, uint16(2000))
	require.LessOrEqual(t, port, uint16(2999))
}

func TestCongestionControlOfEachSocket(t *testing.T) {
	for _, name := range []string{"reno", "cubic"} {
		ns := netns.New(t, netns.CongestionControl(name))
		listener := ns.Listen("127.0.0.1:0")
		client, err := ns.Dial(listener.Addr().String())
		require.NoError(t, err)
		server, err := listener.AcceptTCP()
		require.NoError(t, err)

		require.Equal(t, name, congestion(t, client))
		require.Equal(t, name, congestion(t, server))
		require.NoError(t, errors.Join(client.Close(), server.Close()))
	}
}

func TestPairConnectsAtOnce(t *testing.T) {
	a, b := netns.Pair(t)
	for _, server := range []netip.Addr{b.IPv4, b.IPv6} {
		listener := b.Listen(netip.AddrPortFrom(server, 0).String())
		conn, err := a.Dial(listener.Addr().String())
		require.NoError(t, err)
		require.Contains(t, []netip.Addr{a.IPv4, a.IPv6}, netip.MustParseAddrPort(conn.LocalAddr().String()).Addr())
		require.NoError(t, conn.Close())
	}
}

// TestRouterForwardsAtOnce counts the questions for neighbours: with those that look for
// duplicates of an address there would be more, and the first packets would wait for them.
func TestRouterForwardsAtOnce(t *testing.T) {
	router, hosts := netns.Star(t, 2)
	conn, err := hosts[0].Dial(hosts[1].Listen(netip.AddrPortFrom(hosts[1].IPv6, 0).String()).Addr().String())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	for _, ns := range []*netns.NS{router, hosts[0].NS} {
		require.Equal(t, 1, solicits(t, ns))
	}
}

// solicits counts the neighbour solicitations that a namespace has sent.
func solicits(t *testing.T, ns *netns.NS) (n int) {
	ns.Do(func() {
		counters, err := os.ReadFile("/proc/thread-self/net/snmp6")
		require.NoError(t, err)
		_, after, found := strings.Cut(string(counters), "Icmp6OutNeighborSolicits")
		require.True(t, found)
		_, err = fmt.Sscan(after, &n)
		require.NoError(t, err)
	})
	return n
}

// congestion returns the algorithm of a connection.
func congestion(t *testing.T, conn *net.TCPConn) (name string) {
	t.Helper()
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		name, err = unix.GetsockoptString(int(fd), unix.SOL_TCP, unix.TCP_CONGESTION)
	}))
	require.NoError(t, err)
	return name
}

// inode returns the number of the calling thread's namespace.
func inode(t *testing.T) uint64 {
	t.Helper()
	var stat unix.Stat_t
	require.NoError(t, unix.Stat("/proc/thread-self/ns/net", &stat))
	return stat.Ino
}
