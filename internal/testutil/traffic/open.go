// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// Open opens one connection for a test that acts step by step. Both ends are
// closed with the test.
func (p Path) Open(t testing.TB) (client, server *Conn) {
	t.Helper()
	listener := p.Server.ListenWith(p.Socket, netip.AddrPortFrom(p.Address, 0))
	defer func() { _ = listener.Close() }()

	to := netip.AddrPortFrom(p.Address, address(listener.Addr()).Port())
	dialed, err := p.Client.DialWith(p.Socket, source(p.Sources, 0), to)
	require.NoError(t, err)
	accepted, err := p.Socket.Accept(listener)
	require.NoError(t, err)
	return open(t, dialed, p.Way), open(t, accepted, p.Way)
}

func open(t testing.TB, tcp *net.TCPConn, way Way) *Conn {
	t.Helper()
	t.Cleanup(func() { _ = tcp.Close() })
	conn, err := newConn(tcp, way)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.carrier.Close() })
	return conn
}

// Act takes steps. Acting on a full or an empty connection waits for the other
// end, so act on that from another goroutine, or in small portions.
func (c *Conn) Act(t testing.TB, steps ...Step) {
	t.Helper()
	require.NoError(t, c.Try(steps...))
}

// Try is [Conn.Act] for a goroutine that is not the test's.
func (c *Conn) Try(steps ...Step) error { return c.follow(steps) }

// Set sets a socket option.
func (c *Conn) Set(t testing.TB, level, option, value int) {
	t.Helper()
	require.NoError(t, c.set(level, option, value))
}

// End returns what was done so far.
func (c *Conn) End() End { return c.end }

// Info reads the socket's totals as they are now.
func (c *Conn) Info(t testing.TB) tcpinfo.Info {
	t.Helper()
	info, err := tcpinfo.Get(c.tcp)
	require.NoError(t, err)
	return info
}
