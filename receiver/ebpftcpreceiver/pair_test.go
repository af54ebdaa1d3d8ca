// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/conntrack"
	"github.com/tcpwhy/tcpwhy/internal/flow"
)

func keyOfClient(from, to string) *flow.Key {
	server := netip.MustParseAddrPort(to)
	return &flow.Key{Role: flow.RoleClient, Local: netip.MustParseAddr(from), Remote: server.Addr(), RemotePort: server.Port()}
}

// keyOfServer is of the other end.
func keyOfServer(from, to string) *flow.Key {
	k := keyOfClient(from, to)
	return &flow.Key{Role: flow.RoleServer, Local: k.Remote, LocalPort: k.RemotePort, Remote: k.Local}
}

func TestPairIsTheSameFromEitherEnd(t *testing.T) {
	p := newPairer(createDefaultConfig().(*Config), uuid.UUID{1})
	other := newPairer(createDefaultConfig().(*Config), uuid.UUID{2})
	seen := make(map[uint64]string)
	for _, test := range []struct{ from, to string }{
		{"10.0.0.1", "10.0.0.2:80"}, {"10.0.0.2", "10.0.0.1:80"}, {"10.0.0.1", "10.0.0.2:81"}, {"10.0.0.1", "10.0.0.1:80"},
		{"fd00::1", "[fd00::2]:80"}, {"127.0.0.1", "127.0.0.1:80"},
	} {
		pair := p.seen(keyOfClient(test.from, test.to))
		require.NotZero(t, pair)
		require.Equal(t, pair, p.seen(keyOfServer(test.from, test.to)))
		require.Empty(t, seen[pair], "another's")
		seen[pair] = test.to
		elsewhere := other.seen(keyOfClient(test.from, test.to))
		require.Equal(t, test.from != "127.0.0.1", pair == elsewhere, "on another host")
	}
	with := keyOfClient("10.0.0.1", "10.0.0.2:80")
	with.LocalPort = 40000
	require.Equal(t, p.seen(keyOfClient("10.0.0.1", "10.0.0.2:80")), p.seen(with), "the client's port is no part of it")
}

func TestNoPair(t *testing.T) {
	p := newPairer(createDefaultConfig().(*Config), uuid.UUID{1})
	require.Zero(t, p.seen(keyOfServer("203.0.113.0", "10.0.0.2:80")), "a masked visitor")
	require.NotZero(t, p.seen(keyOfClient("203.0.113.7", "10.0.0.2:80")))
	require.Zero(t, p.seen(&flow.Key{Role: flow.RoleListener, Local: local, LocalPort: 80}))
	require.Zero(t, p.seen(&flow.Key{Overflow: true}))
	require.Zero(t, (*pairer)(nil).seen(keyOfClient("10.0.0.1", "10.0.0.2:80")))
}

// pairOf is what a translator makes of both ends of a connection from local.
func (tt *translatorTest) pairOf(role flow.Role, port, serial uint16, to netip.AddrPort) uint64 {
	d := tt.connected(port, serial, to)
	if role == flow.RoleServer {
		d.Key = flow.Key{Role: role, Local: to.Addr(), LocalPort: to.Port(), Remote: local, RemotePort: port}
	}
	tt.translate(d)
	return d.Key.Translated.Pair()
}

func newPairTest(t *testing.T) *translatorTest {
	return newTranslatorTest(t, func(cfg *Config) { cfg.Attributes.FlowPair.Enabled = true })
}

func TestPairBehindVirtualAddress(t *testing.T) {
	tt := newPairTest(t)
	tt.goes(40000, backend)
	tt.goes(40001, another)
	one := tt.pairOf(flow.RoleClient, 40000, 1, virtual)
	require.NotZero(t, one)
	require.Equal(t, one, tt.pairOf(flow.RoleServer, 40000, 0, backend))
	require.NotEqual(t, one, tt.pairOf(flow.RoleClient, 40001, 2, virtual))
	require.Equal(t, tt.pairOf(flow.RoleClient, 40001, 2, virtual), tt.pairOf(flow.RoleServer, 40001, 0, another))
	require.Zero(t, tt.pairOf(flow.RoleClient, 0, 0, virtual), "too many to tell apart")
	require.Zero(t, tt.pairOf(flow.RoleClient, 40002, 3, netip.AddrPort{}), "no peer")
}

// TestPairThroughBothTranslations has the server see an address of the router.
func TestPairThroughBothTranslations(t *testing.T) {
	tt := newPairTest(t)
	node := netip.MustParseAddrPort("10.0.0.254:50000")
	e := conntrack.Entry{
		Before: conntrack.Tuple{Source: netip.AddrPortFrom(local, 40000), Destination: virtual},
		After:  conntrack.Tuple{Source: node, Destination: backend},
	}
	tt.table.Add(1, e, tt.clock, tt.clock)
	tt.learn(e)
	server := &flow.Delta{Serial: 2, Since: tt.clock, Opened: 1, Key: flow.Key{
		Role: flow.RoleServer, Local: backend.Addr(), LocalPort: backend.Port(), Remote: node.Addr(), RemotePort: node.Port(),
	}}
	tt.translate(server)
	require.NotZero(t, server.Key.Translated.Pair())
	require.Equal(t, server.Key.Translated.Pair(), tt.pairOf(flow.RoleClient, 40000, 1, virtual))
}

// TestNoPairWhereTheSourceAloneIsTranslated tells neither end's: the client would have to
// be asked for one by one.
func TestNoPairWhereTheSourceAloneIsTranslated(t *testing.T) {
	tt := newPairTest(t)
	node := netip.MustParseAddrPort("10.0.0.254:50000")
	e := conntrack.Entry{
		Before: conntrack.Tuple{Source: netip.AddrPortFrom(local, 40000), Destination: backend},
		After:  conntrack.Tuple{Source: node, Destination: backend},
	}
	tt.table.Add(1, e, tt.clock, tt.clock)
	tt.learn(e)
	require.Zero(t, tt.pairOf(flow.RoleClient, 40000, 1, backend))
	require.Zero(t, tt.pairOf(flow.RoleClient, 0, 0, backend), "not told apart")
	require.NotZero(t, tt.pairOf(flow.RoleClient, 0, 0, another), "a route of its own")
	server := &flow.Delta{Serial: 2, Since: tt.clock, Opened: 1, Key: flow.Key{
		Role: flow.RoleServer, Local: backend.Addr(), LocalPort: backend.Port(), Remote: node.Addr(), RemotePort: node.Port(),
	}}
	tt.translate(server)
	require.Zero(t, server.Key.Translated.Pair())
}

func TestNoPairWhereTranslationIsUnknown(t *testing.T) {
	tt := newPairTest(t)
	e := tt.goes(40000, backend)
	e.After.Destination = another
	tt.table.Add(2, e, tt.clock, tt.clock)
	require.Zero(t, tt.pairOf(flow.RoleClient, 40000, 1, virtual), "two namespaces do not agree")

	tt.table.stats.Overruns++
	tt.synced = false
	require.Zero(t, tt.pairOf(flow.RoleClient, 0, 0, another), "events were lost")
	require.NoError(t, tt.begin())
	require.NotZero(t, tt.pairOf(flow.RoleClient, 0, 0, another))
}

func TestRoutesAreBounded(t *testing.T) {
	r := newRoutes()
	seen := conntrack.Tuple{Source: netip.AddrPortFrom(local, 1), Destination: virtual}
	for port := range maxRoutes {
		seen.Destination = netip.AddrPortFrom(virtual.Addr(), uint16(port))
		r.add(seen)
	}
	require.False(t, r.has(local, backend))
	r.add(seen)
	require.True(t, r.has(local, backend), "any may be")
	require.Equal(t, maxRoutes, len(r.all))
}
