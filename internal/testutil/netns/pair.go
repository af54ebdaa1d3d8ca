// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netns

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Host is a namespace with one link to its neighbour.
type Host struct {
	*NS
	Link string
	IPv4 netip.Addr
	IPv6 netip.Addr
}

// Pair makes two namespaces that a veth pair joins. Packets cross it one
// segment at a time.
func Pair(t testing.TB, options ...Option) (a, b Host) {
	t.Helper()
	a = Host{New(t, options...), "veth-a", netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	b = Host{New(t, options...), "veth-b", netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")}

	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: a.Link},
		PeerName:      b.Link,
		PeerNamespace: netlink.NsFd(b.FD()),
	}
	require.NoError(t, a.links.LinkAdd(veth), "add veth pair")

	a.configure()
	b.configure()
	a.awaitCarrier()
	b.awaitCarrier()
	return a, b
}

func (h Host) configure() {
	h.t.Helper()
	h.DisableOffloads(h.Link)
	h.AddAddress(h.Link, netip.PrefixFrom(h.IPv4, 24))
	h.AddAddress(h.Link, netip.PrefixFrom(h.IPv6, 64))
	h.Up(h.Link)
}

// awaitCarrier waits until the kernel has made the link's queue and its addresses usable,
// which it does some time after both ends are up. A SYN sent before is lost, and its
// retransmission takes a second.
func (h Host) awaitCarrier() {
	h.t.Helper()
	require.Eventually(h.t, func() bool {
		link, err := h.links.LinkByName(h.Link)
		return err == nil && link.Attrs().OperState == netlink.OperUp && h.addressed(link)
	}, 10*time.Second, time.Millisecond, "%s has no carrier", h.Link)
}

// addressed tells whether a link's IPv6 addresses can be used, its own among them.
func (h Host) addressed(link netlink.Link) bool {
	addresses, err := h.links.AddrList(link, netlink.FAMILY_V6)
	own := false
	for _, a := range addresses {
		if a.Flags&unix.IFA_F_TENTATIVE != 0 {
			return false
		}
		own = own || a.IP.IsLinkLocalUnicast()
	}
	return err == nil && own
}
