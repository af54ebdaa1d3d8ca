// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conntrack

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// monotonic reads the clock that the kernel side's times are of.
func monotonic() uint64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return uint64(now.Nano())
}

// A cluster is a client, three backends behind a virtual address, and a router.
type cluster struct {
	t        *testing.T
	router   *netns.NS
	client   netns.Host
	virtual  netip.AddrPort
	backends map[netip.AddrPort]*net.TCPListener
}

// newCluster translates in the router, or, as a node does for its own processes, in the
// client's namespace.
func newCluster(t *testing.T, ipv6, atClient bool) *cluster {
	router, hosts := netns.Star(t, 4)
	c := &cluster{t: t, router: router, client: hosts[0], backends: make(map[netip.AddrPort]*net.TCPListener)}
	c.virtual = netip.MustParseAddrPort("203.0.113.1:80")
	if ipv6 {
		c.virtual = netip.MustParseAddrPort("[2001:db8:ffff::1]:80")
	}
	var backends []netip.AddrPort
	for _, host := range hosts[1:] {
		address := host.IPv4
		if ipv6 {
			address = host.IPv6
		}
		backend := netip.AddrPortFrom(address, 8080)
		backends = append(backends, backend)
		c.backends[backend] = host.Listen(backend.String())
	}
	translates := router
	if atClient {
		translates = c.client.NS
	}
	nft.NewNAT(t, translates).Balance(c.virtual, backends...)
	traffic.Start(t, translates, "resident") // namespaces are found by their processes
	return c
}

// A session is a connection, who took it, and when it was there.
type session struct {
	seen    Tuple // by the client
	backend netip.AddrPort
	at      uint64
	client  *net.TCPConn
	server  *net.TCPConn
}

// open connects to the virtual address, from a port or from any.
func (c *cluster) open(port uint16) *session {
	c.t.Helper()
	from := c.client.IPv4
	if c.virtual.Addr().Is6() {
		from = c.client.IPv6
	}
	conn, err := c.client.DialWith(socket.Config{}, netip.AddrPortFrom(from, port), c.virtual)
	require.NoError(c.t, err)
	s := &session{client: conn, at: monotonic()}
	s.seen = Tuple{conn.LocalAddr().(*net.TCPAddr).AddrPort(), c.virtual}
	require.NoError(c.t, send(conn))
	s.backend, s.server = c.accept()
	c.t.Cleanup(func() { s.close() })
	return s
}

var (
	past  = time.Unix(1, 0)
	never time.Time
)

func send(conn net.Conn) error {
	_, err := conn.Write([]byte{1})
	return err
}

// accept asks the backends in turn, for a connection is there.
func (c *cluster) accept() (netip.AddrPort, *net.TCPConn) {
	type accepted struct {
		backend netip.AddrPort
		conn    *net.TCPConn
	}
	came := make(chan accepted, len(c.backends))
	for backend, listener := range c.backends {
		go func() {
			conn, err := listener.AcceptTCP()
			if err != nil {
				conn = nil
			}
			came <- accepted{backend, conn}
		}()
	}
	first := <-came
	for _, listener := range c.backends {
		require.NoError(c.t, listener.SetDeadline(past))
	}
	for range len(c.backends) - 1 {
		require.Nil(c.t, (<-came).conn)
	}
	for _, listener := range c.backends {
		require.NoError(c.t, listener.SetDeadline(never))
	}
	require.NotNil(c.t, first.conn)
	return first.backend, first.conn
}

func (s *session) close() {
	_ = s.client.Close()
	_ = s.server.Close()
}

// reset closes at once, so that the port can be used again.
func (s *session) reset() {
	_ = s.client.SetLinger(0)
	_ = s.client.Close()
	_ = s.server.Close()
}

func watch(t *testing.T, settings Settings) *Watcher {
	settings.Now = monotonic
	if settings.MaxEntries == 0 {
		settings.MaxEntries = 1000
	}
	w, err := Open(settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

// requireFollowed has the watcher tell the backend of each session.
func requireFollowed(t *testing.T, w *Watcher, sessions ...*session) {
	t.Helper()
	for i, s := range sessions {
		after, verdict := w.Follow(Question{Seen: s.seen, From: s.at, To: s.at})
		require.Equal(t, Translated, verdict, "session %d: %v", i, s.seen)
		require.Equal(t, Tuple{s.seen.Source, s.backend}, after, "session %d", i)
	}
}
