// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// A gate is a listener whose clients come from its own address, so that both ends
// have the same peer.
type gate struct {
	place
	path     traffic.Path
	listener *net.TCPListener
}

func newGate(p place, path traffic.Path) gate {
	return gate{p, path, p.ListenWith(path.Socket, netip.AddrPortFrom(path.Address, 0))}
}

func (g gate) port() uint16 { return g.listener.Addr().(*net.TCPAddr).AddrPort().Port() }

// cidr is the address's network of that many bits.
func (g gate) cidr(bits int) netip.Prefix { return netip.PrefixFrom(g.path.Address, bits) }

// open opens a connection, which ends with the test.
func (g gate) open(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	client, err := g.DialWith(g.path.Socket, netip.AddrPortFrom(g.path.Address, 0), netip.AddrPortFrom(g.path.Address, g.port()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	server, err = g.path.Socket.Accept(g.listener)
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return client, server
}

// ends matches the two flows of a connection through the gate.
func (g gate) ends(k flow.Key) bool {
	return k.Local == g.path.Address && (k.Role == flow.RoleServer && k.LocalPort == g.port() ||
		k.Role == flow.RoleClient && k.RemotePort == g.port())
}

// gates are two halves of an IPv4 network, the first one also by IPv6 sockets, and
// one of IPv6.
func gates(t *testing.T) map[string]gate {
	p := newPlace(t)
	low, high := p.IPv4.As4(), p.IPv4.As4()
	low[3], high[3] = 1, 129
	path := traffic.Loopback(p.NS, netip.AddrFrom4(low).String())
	mapped := path
	mapped.Socket.Mapped = true
	return map[string]gate{
		"low":    newGate(p, path),
		"high":   newGate(p, traffic.Loopback(p.NS, netip.AddrFrom4(high).String())),
		"v6":     newGate(p, traffic.Loopback(p.NS, p.IPv6.String())),
		"mapped": newGate(p, mapped), // at the address of low
	}
}

// TestFilterByAddressAndPort opens a connection through each gate. Of those that
// are observed both ends are.
func TestFilterByAddressAndPort(t *testing.T) {
	gate := gates(t)
	low, high, v6 := gate["low"], gate["high"], gate["v6"]
	cidrs := func(prefixes ...netip.Prefix) Rule { return Rule{CIDRs: prefixes} }
	ports := func(ports ...uint16) Rule { return Rule{Ports: ports} }
	nowhere := netip.MustParsePrefix("192.0.2.0/24")
	allV4, allV6 := netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")

	for name, test := range map[string]struct {
		include, exclude []Rule
		want             string
	}{
		"no rule":                     {nil, nil, "high low mapped v6"},
		"a rule without a list":       {[]Rule{{}}, nil, "high low mapped v6"},
		"include an address":          {[]Rule{cidrs(low.cidr(32))}, nil, "low mapped"},
		"include half of a network":   {[]Rule{cidrs(high.cidr(25))}, nil, "high"},
		"include all of IPv4":         {[]Rule{cidrs(allV4)}, nil, "high low mapped"},
		"include all of IPv6":         {[]Rule{cidrs(allV6)}, nil, "v6"},
		"include an address or other": {[]Rule{cidrs(high.cidr(32), v6.cidr(64))}, nil, "high v6"},
		"include some ports":          {[]Rule{ports(1, v6.port(), low.port())}, nil, "low v6"},
		"include address and port":    {[]Rule{{CIDRs: []netip.Prefix{low.cidr(24)}, Ports: []uint16{high.port()}}}, nil, "high"},
		"include what cannot be":      {[]Rule{{CIDRs: []netip.Prefix{v6.cidr(64)}, Ports: []uint16{high.port()}}}, nil, ""},
		"include the last of many":    {last(MaxRules, cidrs(slices.Concat(slices.Repeat([]netip.Prefix{nowhere}, MaxRuleCIDRs-1), []netip.Prefix{high.cidr(32)})...)), nil, "high"},
		"include the last of ports":   {last(MaxRules, ports(1, 2, 3, 4, 5, 6, 7, low.port())), nil, "low"},
		"exclude all of IPv6":         {nil, []Rule{cidrs(allV6)}, "high low mapped"},
		"exclude everything":          {nil, []Rule{{}}, ""},
		"exclude wins":                {[]Rule{cidrs(low.cidr(24))}, []Rule{cidrs(low.cidr(25))}, "high"},
		"exclude the last of many":    {nil, last(MaxRules, ports(v6.port())), "high low mapped"},
	} {
		t.Run(name, func(t *testing.T) {
			k := observe(t, Config{Include: test.include, Exclude: test.exclude})
			for _, g := range gate {
				g.open(t)
			}
			k.collect()
			var observed []string
			for name, g := range gate {
				if n := k.sum(g.ends).Opened; n != 0 {
					require.EqualValues(t, 2, n, "both ends of %s", name)
					observed = append(observed, name)
				}
			}
			slices.Sort(observed)
			require.Equal(t, test.want, strings.Join(observed, " "))
		})
	}
}

// last is n rules of which only the last one has a chance.
func last(n int, rule Rule) []Rule {
	never := Rule{CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	return append(slices.Repeat([]Rule{never}, n-1), rule)
}
