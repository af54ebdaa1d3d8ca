// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
)

// A Path says where the two ends of connections live.
type Path struct {
	Client, Server *netns.NS
	Address        netip.Addr   // the server's
	Sources        []netip.Addr // the client's, in turn; the kernel chooses if there are none
	Socket         socket.Config
	Way            Way // of bytes, at both ends; not between processes
}

// Loopback is a path inside a namespace to an address such as 127.0.0.1 or ::1.
func Loopback(ns *netns.NS, address string) Path {
	return Path{Client: ns, Server: ns, Address: netip.MustParseAddr(address), Socket: ns.Socket()}
}

// Mapped is a path inside a namespace that carries IPv4 between IPv6 sockets.
func Mapped(ns *netns.NS) Path {
	path := Loopback(ns, "127.0.0.1")
	path.Socket.Mapped = true
	return path
}

// Between is a path from one namespace to an address in another.
func Between(client, server *netns.NS, address netip.Addr) Path {
	return Path{Client: client, Server: server, Address: address, Socket: client.Socket()}
}

// Run acts the scenarios in the test's own process, k connections at a time,
// and returns what was done in the order of the scenarios.
func (p Path) Run(t testing.TB, k int, scenarios ...Scenario) []Truth {
	t.Helper()
	listener := p.Server.ListenWith(p.Socket, netip.AddrPortFrom(p.Address, 0))
	reception := receive(listener, p.Socket)
	defer reception.close()

	to := netip.AddrPortFrom(p.Address, address(listener.Addr()).Port())
	dial := p.dialer(func(from netip.AddrPort) (*net.TCPConn, error) {
		return p.Client.DialWith(p.Socket, from, to)
	})

	truths := make([]Truth, len(scenarios))
	var group errgroup.Group
	group.SetLimit(k)
	for i, scenario := range scenarios {
		group.Go(func() (err error) {
			truths[i], err = p.act(scenario, dial, reception)
			return err
		})
	}
	require.NoError(t, group.Wait())
	return truths
}

// dialer goes through the path's source addresses.
func (p Path) dialer(dial func(from netip.AddrPort) (*net.TCPConn, error)) func() (*net.TCPConn, error) {
	var n atomic.Uint64
	return func() (*net.TCPConn, error) { return dial(source(p.Sources, n.Add(1))) }
}

// source returns the n-th source address, the zero value if there are none.
func source(sources []netip.Addr, n uint64) netip.AddrPort {
	if len(sources) == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(sources[n%uint64(len(sources))], 0)
}

// act opens one connection and lets both ends follow their scripts. The client does
// not wait until it is accepted: with TCP Fast Open its first bytes open it.
func (p Path) act(scenario Scenario, dial func() (*net.TCPConn, error), reception *reception) (Truth, error) {
	truth := Truth{Scenario: scenario.Name}
	client, err := dial()
	if err != nil {
		return truth, err
	}
	var ends errgroup.Group
	ends.Go(func() (err error) {
		truth.Client, err = scenario.Client.run(client, p.Way)
		return err
	})
	server, err := reception.take(address(client.LocalAddr()))
	if err != nil {
		_ = client.Close()
		return truth, errors.Join(err, ends.Wait())
	}
	truth.Server, err = scenario.Server.run(server, p.Way)
	if err := errors.Join(ends.Wait(), err); err != nil {
		return truth, fmt.Errorf("%s: %w", scenario.Name, err)
	}
	return truth, nil
}
