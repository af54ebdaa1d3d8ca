// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"net/netip"
	"testing"
)

// portsPerSource is how many connections share a source address, so that
// neither source ports nor TIME_WAIT slow down what comes later.
const portsPerSource = 2000

// ShortConns opens n connections, k at a time, each with one request and
// response of a byte, closed by the client as most applications do. It spreads
// the clients of an IPv4 path over loopback addresses if it names no sources.
func (p Path) ShortConns(t testing.TB, n, k int) []Truth {
	t.Helper()
	if p.Address.Is4() && p.Address.IsLoopback() && len(p.Sources) == 0 {
		p.Sources = loopbackSources(1 + n/portsPerSource)
	}
	return p.Run(t, k, Exchange(1, 1, 1).OrphanedBy(Client).Times(n)...)
}

// loopbackSources returns n addresses from 127.0.1.1 on.
func loopbackSources(n int) []netip.Addr {
	sources := make([]netip.Addr, n)
	next := netip.AddrFrom4([4]byte{127, 0, 1, 1})
	for i := range sources {
		sources[i], next = next, next.Next()
	}
	return sources
}
