// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A pairer makes a number of both ends of a connection as its server sees them, without
// the client's port: the same from either end, and on every host. Zero is none. A nil
// pairer makes none.
type pairer struct {
	host    uuid.UUID             // loopback is another one on each host
	visitor func(netip.Addr) bool // whose address a server masks
}

func newPairer(cfg *Config, host uuid.UUID) *pairer {
	p := &pairer{host: host, visitor: func(netip.Addr) bool { return false }}
	if cfg.RemoteAddresses == RemoteAddressesPrivate {
		p.visitor = visitors(cfg.ClusterCIDRs)
	}
	return p
}

// seen is of a connection whose client sees what its server does.
func (p *pairer) seen(key *flow.Key) uint64 {
	switch {
	case p == nil || key.Overflow || !key.Remote.IsValid():
		return 0
	case key.Role == flow.RoleClient:
		return p.of(key.Local, netip.AddrPortFrom(key.Remote, key.RemotePort))
	case key.Role == flow.RoleServer && !p.visitor(key.Remote):
		return p.of(key.Remote, netip.AddrPortFrom(key.Local, key.LocalPort))
	}
	return 0
}

// ofServers has servers' flows get their pairs, for which nothing else need be known.
func (p *pairer) ofServers(visit func(*flow.Delta)) func(*flow.Delta) {
	if p == nil {
		return visit
	}
	return func(d *flow.Delta) {
		if d.Key.Role == flow.RoleServer {
			d.Key.Translated = flow.PeerOf(d.Key.Translated.AddrPort(), p.seen(&d.Key))
		}
		visit(d)
	}
}

// pairEnd is the length of an end: an IPv6 address, IPv4 mapped, and a port.
const pairEnd = 18

func (p *pairer) of(client netip.Addr, server netip.AddrPort) uint64 {
	if p == nil {
		return 0
	}
	var ends [2 * pairEnd]byte
	appendEnd(ends[:0], client, 0)
	appendEnd(ends[:pairEnd], server.Addr(), server.Port())
	low, high := ends[:pairEnd], ends[pairEnd:]
	if bytes.Compare(low, high) > 0 {
		low, high = high, low
	}
	sum := xxhash.New()
	_, _ = sum.Write(low)
	_, _ = sum.Write(high)
	if client.IsLoopback() || server.Addr().IsLoopback() {
		_, _ = sum.Write(p.host[:])
	}
	return max(sum.Sum64(), 1)
}

func appendEnd(to []byte, a netip.Addr, port uint16) []byte {
	b := a.As16()
	return binary.BigEndian.AppendUint16(append(to, b[:]...), port)
}
