// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package socket_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func TestOptions(t *testing.T) {
	for name, test := range map[string]struct {
		config        socket.Config
		domain        int
		level, option int
		want          int
	}{
		"no delay by default":  {socket.Config{}, unix.AF_INET, unix.SOL_TCP, unix.TCP_NODELAY, 1},
		"no keepalive":         {socket.Config{}, unix.AF_INET, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0},
		"no Multipath TCP":     {socket.Config{}, unix.AF_INET, unix.SOL_SOCKET, unix.SO_PROTOCOL, unix.IPPROTO_TCP},
		"Nagle":                {socket.Config{Nagle: true}, unix.AF_INET, unix.SOL_TCP, unix.TCP_NODELAY, 0},
		"receive buffer":       {socket.Config{ReceiveBuffer: 8192}, unix.AF_INET, unix.SOL_SOCKET, unix.SO_RCVBUF, 2 * 8192},
		"mapped":               {socket.Config{Mapped: true}, unix.AF_INET6, unix.SOL_TCP, unix.TCP_NODELAY, 1},
		"mapped without delay": {socket.Config{Mapped: true, Nagle: true}, unix.AF_INET6, unix.SOL_TCP, unix.TCP_NODELAY, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, end := range connect(t, test.config) {
				require.Equal(t, test.domain, option(t, end, unix.SOL_SOCKET, unix.SO_DOMAIN))
				require.Equal(t, test.want, option(t, end, test.level, test.option))
			}
		})
	}
}

func TestSourceAddress(t *testing.T) {
	source := netip.MustParseAddr("127.0.0.77")
	for _, config := range []socket.Config{{}, {Mapped: true}} {
		for _, end := range connectFrom(t, config, netip.AddrPortFrom(source, 0))[:1] {
			local := netip.MustParseAddrPort(end.LocalAddr().String())
			require.Equal(t, source, local.Addr().Unmap())
		}
	}
}

func connect(t *testing.T, config socket.Config) []*net.TCPConn {
	t.Helper()
	return connectFrom(t, config, netip.AddrPort{})
}

// connectFrom returns both ends of a connection over loopback.
func connectFrom(t *testing.T, config socket.Config, source netip.AddrPort) []*net.TCPConn {
	t.Helper()
	listener, err := config.Listen(netip.MustParseAddrPort("127.0.0.1:0"))
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()

	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	client, err := config.Dial(source, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
	require.NoError(t, err)
	server, err := config.Accept(listener)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(client.Close(), server.Close())) })
	return []*net.TCPConn{client, server}
}

func option(t *testing.T, conn *net.TCPConn, level, name int) (value int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) { value, err = unix.GetsockoptInt(int(fd), level, name) }))
	require.NoError(t, err)
	return value
}
