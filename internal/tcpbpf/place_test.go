// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// newPair makes two hosts whose addresses no other test on this machine uses.
func newPair(t testing.TB, options ...netns.Option) (client, server netns.Host) {
	t.Helper()
	return newHiddenPair(t, append(options, netns.Inhabited())...)
}

// newHiddenPair makes them where nobody finds them.
func newHiddenPair(t testing.TB, options ...netns.Option) (client, server netns.Host) {
	t.Helper()
	client, server = netns.Pair(t, options...)
	readdress(t, &client, &server)
	return client, server
}

// newLink is [impair.New] with such addresses.
func newLink(t testing.TB, there, back impair.Config, options ...netns.Option) *impair.Link {
	t.Helper()
	link := impair.New(t, there, back, append(options, netns.Inhabited())...)
	readdress(t, &link.A, &link.B)
	return link
}

func readdress(t testing.TB, hosts ...*netns.Host) {
	t.Helper()
	n := rand.Uint32()
	for i, host := range hosts {
		host.IPv4 = netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), byte(1 + i)})
		host.IPv6 = netip.AddrFrom16([16]byte{0: 0xfd, 4: byte(n >> 24), 5: byte(n >> 16), 6: byte(n >> 8), 7: byte(n), 15: byte(1 + i)})
		host.AddAddress(host.Link, netip.PrefixFrom(host.IPv4, 24))
		host.AddAddress(host.Link, netip.PrefixFrom(host.IPv6, 64))
		awaitAddress(t, host.NS, host.IPv6)
	}
}

// A place is a network namespace with addresses on its loopback that no other
// test on this machine uses: kernel sides observe every namespace.
type place struct {
	*netns.NS
	IPv4, IPv6 netip.Addr
}

func newPlace(t testing.TB, options ...netns.Option) place {
	t.Helper()
	n := 2 + rand.N(uint32(1)<<24-3) // neither a network's number nor 127.0.0.1
	p := place{
		NS:   netns.New(t, append(options, netns.Inhabited())...),
		IPv4: netip.AddrFrom4([4]byte{127, byte(n >> 16), byte(n >> 8), byte(n)}),
		IPv6: netip.AddrFrom16([16]byte{0: 0xfd, 12: byte(n >> 24), 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}),
	}
	p.AddAddress("lo", netip.PrefixFrom(p.IPv6, 128))
	awaitAddress(t, p.NS, p.IPv6)
	return p
}

// awaitAddress waits until a new IPv6 address is the namespace's own: the kernel
// adds its route a moment later, and until then answers that there is none.
func awaitAddress(t testing.TB, ns *netns.NS, own netip.Addr) {
	t.Helper()
	require.Eventually(t, func() bool {
		routes, err := ns.Netlink().RouteGet(own.AsSlice())
		return err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL
	}, patience, time.Millisecond, "%s is not local", own)
}

// here matches the flows of the place.
func (p place) here() func(flow.Key) bool { return at(p.IPv4, p.IPv6) }

// neighbours are more addresses of the place's loopback, the n next ones.
func (p place) neighbours(n int) []netip.Addr {
	all := make([]netip.Addr, n)
	next := p.IPv4
	for i := range all {
		if next = next.Next(); !next.IsLoopback() {
			next = netip.AddrFrom4([4]byte{127, 0, 0, 2})
		}
		all[i] = next
	}
	return all
}
