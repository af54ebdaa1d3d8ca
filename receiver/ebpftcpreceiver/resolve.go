// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/conntrack"
	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// resolve asks who is behind, once.
func (t *translator) resolve(d *flow.Delta) *peer {
	if d.Key.Role == flow.RoleServer {
		return t.client(d)
	}
	return t.server(d)
}

// server finds the server of a client.
func (t *translator) server(d *flow.Delta) *peer {
	seen := conntrack.Tuple{
		Source:      netip.AddrPortFrom(d.Key.Local, d.Key.LocalPort),
		Destination: netip.AddrPortFrom(d.Key.Remote, d.Key.RemotePort),
	}
	found, verdict := t.ask(d, seen, t.Follow)
	if verdict == conntrack.Translated && found.Destination == seen.Destination {
		t.conclude(seen.Destination, conntrack.Untranslated) // its source alone is
		return &peer{}
	}
	t.conclude(seen.Destination, verdict)
	switch verdict {
	case conntrack.Translated:
		return &peer{address: found.Destination, pair: t.pairs.of(found.Source.Addr(), found.Destination)}
	case conntrack.Untranslated:
		return &peer{pair: t.pairs.seen(&d.Key)}
	}
	return &peer{}
}

// client finds the client of a server: of its port is told what is told of any
// client's. A client whose source alone is translated does not know how its server sees
// it, so there is no pair.
func (t *translator) client(d *flow.Delta) *peer {
	seen := conntrack.Tuple{
		Source:      netip.AddrPortFrom(d.Key.Remote, d.Key.RemotePort),
		Destination: netip.AddrPortFrom(d.Key.Local, d.Key.LocalPort),
	}
	found, verdict := t.ask(d, seen, t.Trace)
	t.conclude(netip.AddrPortFrom(seen.Source.Addr(), 0), verdict)
	switch verdict {
	case conntrack.Unknown:
		return &peer{}
	case conntrack.Untranslated:
		return &peer{pair: t.pairs.seen(&d.Key)}
	}
	p := &peer{address: netip.AddrPortFrom(t.mask(found.Source.Addr()), 0)}
	if found.Destination != seen.Destination {
		p.pair = t.pairs.seen(&d.Key)
	}
	if t.granularity == GranularityConnection {
		p.address = netip.AddrPortFrom(p.address.Addr(), found.Source.Port())
	}
	return p
}

type answer func(conntrack.Question) (conntrack.Tuple, conntrack.Verdict)

// ask asks as of the moment when the connection was established; of one that never was,
// as of any moment since it was tried. If that is not known but the connection is there
// still, the sweep has seen it at a moment that is.
func (t *translator) ask(d *flow.Delta, seen conntrack.Tuple, ask answer) (conntrack.Tuple, conntrack.Verdict) {
	q := conntrack.Question{
		Seen: seen, From: d.Since, To: d.Since,
		Namespace: uint64(t.home(d)), Shared: t.claims.shared(claimOf(&d.Key), t.round),
	}
	live := total(d.Live[:]) > 0
	if !live && d.Opened == 0 && total(d.Closed[:]) == 0 {
		q.To = t.now()
		return ask(q)
	}
	found, verdict := ask(q)
	if verdict == conntrack.Unknown && live {
		q.From = max(d.Since, t.begun)
		q.To = q.From
		return ask(q)
	}
	return found, verdict
}

func total[T uint32 | uint64](counts []T) (sum uint64) {
	for _, n := range counts {
		sum += uint64(n)
	}
	return sum
}
