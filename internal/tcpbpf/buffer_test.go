// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
)

// small is what an application asks for; the kernel gives twice as much.
const small, smallGiven = 8192, 16384

// A conn is both ends of a connection of the test's own.
type conn struct{ client, server *net.TCPConn }

// connect connects sockets that may be of different kinds.
func connect(t *testing.T, p place, client, listener socket.Config) (c conn) {
	t.Helper()
	l := p.ListenWith(listener, netip.AddrPortFrom(p.IPv4, 0))
	var err error
	c.client, err = p.DialWith(client, netip.AddrPort{}, addressOf(l))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.client.Close() })
	c.server, err = l.AcceptTCP()
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.server.Close() })
	return c
}

// TestReceiveBuffer sets SO_RCVBUF. Only what is set before listen or connect is there
// when the window's scale is chosen: by the largest buffer that there may be.
func TestReceiveBuffer(t *testing.T) {
	type scales struct{ client, server uint8 }
	bare, sized := socket.Config{}, socket.Config{ReceiveBuffer: small}
	for largest, free := range map[string]uint8{"6291456": 7, "33554432": 10} {
		for name, test := range map[string]struct {
			client, listener, accepted socket.Config
			scales                     scales
		}{
			"never":           {bare, bare, bare, scales{free, free}},
			"before listen":   {bare, sized, bare, scales{free, 0}},
			"on the accepted": {bare, bare, sized, scales{free, free}},
			"before connect":  {sized, bare, bare, scales{0, free}},
		} {
			t.Run(name+", at most "+largest, func(t *testing.T) {
				p := newPlace(t, netns.Sysctl("net.ipv4.tcp_rmem", "4096 131072 "+largest))
				k := observe(t, Config{})
				c := connect(t, p, test.client, test.listener)
				if test.accepted == sized {
					set(t, c.server, option{unix.SOL_SOCKET, unix.SO_RCVBUF, small})
				}
				k.collect()
				client, server := k.now(role(flow.RoleClient, p.here())), k.now(role(flow.RoleServer, p.here()))

				require.Equal(t, [2]uint8{test.scales.server + 1, test.scales.client + 1}, client.WindowScale)
				require.Equal(t, [2]uint8{test.scales.client + 1, test.scales.server + 1}, server.WindowScale)
				requireBuffer(t, c.client, unix.SO_RCVBUF, test.client == sized, client.ReceiveBuffer)
				requireBuffer(t, c.server, unix.SO_RCVBUF, test.listener == sized || test.accepted == sized, server.ReceiveBuffer)
				requireBuffer(t, c.client, unix.SO_SNDBUF, false, client.SendBuffer)
				requireBuffer(t, c.server, unix.SO_SNDBUF, false, server.SendBuffer)
			})
		}
	}
}

// requireBuffer compares with what the socket says, of which there is but one.
func requireBuffer(t *testing.T, conn *net.TCPConn, name int, locked bool, have [2]uint32) {
	t.Helper()
	want := [2]uint32{}
	bytes := get(t, conn, unix.SOL_SOCKET, name)
	if locked {
		require.Equal(t, smallGiven, bytes)
		want[flow.Locked] = uint32(bytes)
	} else {
		want[flow.Tuned] = uint32(bytes)
	}
	require.Equal(t, want, have)
}

func get(t *testing.T, conn *net.TCPConn, level, name int) (value int) {
	t.Helper()
	require.NoError(t, control(t, conn, func(fd int32) (err error) {
		value, err = unix.GetsockoptInt(int(fd), level, name)
		return err
	}))
	return value
}

// TestSmallestBuffers has sockets of both kinds in one flow, the smallest neither
// first nor last.
func TestSmallestBuffers(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityEndpoint})
	l := p.Listen(netip.AddrPortFrom(p.IPv4, 0).String())
	want := flow.Gauges{
		ReceiveBuffer: [2]uint32{flow.Locked: smallGiven},
		SendBuffer:    [2]uint32{flow.Locked: smallGiven},
	}
	for _, name := range []int{unix.SO_RCVBUF, unix.SO_SNDBUF} {
		for _, times := range []int{2, 1, 3} {
			conn, err := p.Dial(l.Addr().String())
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			set(t, conn, option{unix.SOL_SOCKET, name, times * small})
			if name == unix.SO_RCVBUF {
				want.SendBuffer[flow.Tuned] = uint32(get(t, conn, unix.SOL_SOCKET, unix.SO_SNDBUF))
			} else {
				want.ReceiveBuffer[flow.Tuned] = uint32(get(t, conn, unix.SOL_SOCKET, unix.SO_RCVBUF))
			}
		}
	}
	k.collect()
	have := k.now(role(flow.RoleClient, p.here()))
	require.Equal(t, want.ReceiveBuffer, have.ReceiveBuffer)
	require.Equal(t, want.SendBuffer, have.SendBuffer)
}

// TestNoWindowScale has a server that does not know the option.
func TestNoWindowScale(t *testing.T) {
	client, server := newPair(t)
	server.SetSysctl("net.ipv4.tcp_window_scaling", "0")
	k := observe(t, Config{})
	l := server.Listen(netip.AddrPortFrom(server.IPv4, 0).String())
	conn, err := client.Dial(l.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	k.collect()
	for _, r := range []flow.Role{flow.RoleClient, flow.RoleServer} {
		require.Zero(t, k.now(role(r, at(client.IPv4))).WindowScale)
	}
}
