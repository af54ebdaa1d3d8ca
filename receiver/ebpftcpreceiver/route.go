// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"net/netip"
	"sync"

	"github.com/tcpwhy/tcpwhy/internal/conntrack"
)

// maxRoutes bounds the routes that are known to be translated.
const maxRoutes = 65536

// A route is where connections go, and from which address.
type route struct {
	from netip.Addr
	to   netip.AddrPort
}

// Routes are those of which a connection was translated. They stay: what is known of a
// flow must not change with what is forgotten. It is safe for concurrent use.
type routes struct {
	mu   sync.Mutex
	all  map[route]struct{}
	full bool // then any route may be translated
}

func newRoutes() *routes { return &routes{all: make(map[route]struct{})} }

func (r *routes) add(seen conntrack.Tuple) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) >= maxRoutes {
		r.full = true
		return
	}
	r.all[route{seen.Source.Addr(), seen.Destination}] = struct{}{}
}

// has reports whether a connection on that route may be translated.
func (r *routes) has(from netip.Addr, to netip.AddrPort) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.all[route{from, to}]
	return known || r.full
}
