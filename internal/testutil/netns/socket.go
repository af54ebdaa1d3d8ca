// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netns

import (
	"net"
	"net/netip"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
)

// Listen opens a TCP listener in the namespace at an address such as
// "127.0.0.1:0". It is closed with the test.
func (n *NS) Listen(address string) *net.TCPListener {
	n.t.Helper()
	at, err := netip.ParseAddrPort(address)
	require.NoError(n.t, err)
	return n.ListenWith(n.Socket(), at)
}

// ListenWith is [NS.Listen] with sockets of a given kind.
func (n *NS) ListenWith(config socket.Config, address netip.AddrPort) (listener *net.TCPListener) {
	n.t.Helper()
	require.NoError(n.t, n.Try(func() (err error) {
		listener, err = config.Listen(address)
		return err
	}))
	n.t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// Dial connects from the namespace to a literal address.
func (n *NS) Dial(address string) (*net.TCPConn, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	return n.DialWith(n.Socket(), netip.AddrPort{}, to)
}

// DialWith is [NS.Dial] with a socket of a given kind, from an address whose
// port may be 0 or from the zero value if the kernel is to choose.
func (n *NS) DialWith(config socket.Config, from, to netip.AddrPort) (conn *net.TCPConn, err error) {
	err = n.Try(func() (err error) {
		conn, err = config.Dial(from, to)
		return err
	})
	return conn, err
}

// Socket returns the kind of sockets that the namespace has by default.
func (n *NS) Socket() socket.Config {
	return socket.Config{Congestion: n.congestion}
}
