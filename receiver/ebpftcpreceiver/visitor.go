// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"net/netip"
	"slices"
)

// sharedSpace is RFC 6598's, of carriers that translate addresses.
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// visitors tells whether an address is masked where it is a server's peer.
func visitors(cluster []netip.Prefix) func(netip.Addr) bool {
	return func(a netip.Addr) bool {
		if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || sharedSpace.Contains(a) {
			return false
		}
		return !slices.ContainsFunc(cluster, func(p netip.Prefix) bool { return p.Contains(a) })
	}
}

// visitorMask does what the kernel side does to a server's public visitors: they become
// their /24 or /56.
func visitorMask(cluster []netip.Prefix) func(netip.Addr) netip.Addr {
	masked := visitors(cluster)
	return func(a netip.Addr) netip.Addr {
		if !masked(a) {
			return a
		}
		bits := 24
		if a.Is6() {
			bits = 56
		}
		return netip.PrefixFrom(a, bits).Masked().Addr()
	}
}
