// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
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

// TestExcludedLeavesNothing looks for the records and flows of an excluded and of
// an observed connection.
func TestExcludedLeavesNothing(t *testing.T) {
	all := gates(t)
	excluded, observed := all["low"], all["high"]
	k := observe(t, Config{Exclude: []Rule{{Ports: []uint16{excluded.port()}}}})
	client, server := excluded.open(t)
	require.False(t, recorded(t, k, client))
	require.False(t, recorded(t, k, server))
	client, server = observed.open(t)
	require.True(t, recorded(t, k, client))
	require.True(t, recorded(t, k, server))

	k.collect()
	require.Empty(t, k.keys(excluded.ends))
	require.Len(t, k.keys(observed.ends), 2)
}

// TestExcludedIsNotCalledBack lets an excluded and an observed connection talk.
// The kernel calls back all programs if one asked for it, so there must be no other
// for a moment.
func TestExcludedIsNotCalledBack(t *testing.T) {
	all := gates(t)
	excluded, observed := all["low"], all["high"]
	k := observe(t, Config{Exclude: []Rule{{Ports: []uint16{excluded.port()}}}})
	counting, err := EnableStatistics()
	require.NoError(t, err)
	defer counting.Close()

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if !alone(t) {
			continue
		}
		none, all := excluded.calls(t, k), observed.calls(t, k)
		if !alone(t) {
			continue
		}
		require.Less(t, none, uint64(100))
		require.GreaterOrEqual(t, all, uint64(100))
		return
	}
	t.Skip("other sock_ops programs are attached all the time: whose callbacks come cannot be told")
}

// recorded reports whether the kernel side keeps a record of a socket.
func recorded(t *testing.T, k *collector, conn *net.TCPConn) bool {
	t.Helper()
	err := control(t, conn, func(fd int32) error {
		var record tcpwhyConn
		return k.objects.Conns.Lookup(fd, &record)
	})
	if err != nil {
		require.ErrorIs(t, err, ebpf.ErrKeyNotExist)
	}
	return err == nil
}

func control(t *testing.T, conn syscall.Conn, f func(fd int32) error) (err error) {
	t.Helper()
	raw, e := conn.SyscallConn()
	require.NoError(t, e)
	require.NoError(t, raw.Control(func(fd uintptr) { err = f(int32(fd)) }))
	return err
}

// calls is how often the kernel calls back while a connection through the gate
// carries 1,000 bytes to and fro.
func (g gate) calls(t *testing.T, k *collector) uint64 {
	t.Helper()
	client, server := g.open(t)
	before, err := k.objects.TcpwhySockOps.Stats()
	require.NoError(t, err)
	var b [1]byte
	for range 1000 {
		for _, way := range [][2]*net.TCPConn{{client, server}, {server, client}} {
			_, err := way[0].Write(b[:])
			require.NoError(t, err)
			_, err = way[1].Read(b[:])
			require.NoError(t, err)
		}
	}
	after, err := k.objects.TcpwhySockOps.Stats()
	require.NoError(t, err)
	return after.RunCount - before.RunCount
}

// alone reports whether no other sock_ops program is attached.
func alone(t *testing.T) bool {
	t.Helper()
	root, err := os.Open(cgroup.Root(t))
	require.NoError(t, err)
	defer root.Close()
	attached, err := link.QueryPrograms(link.QueryOptions{Target: int(root.Fd()), Attach: ebpf.AttachCGroupSockOps})
	require.NoError(t, err)
	return len(attached.Programs) == 1
}
