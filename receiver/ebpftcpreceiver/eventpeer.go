// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"net/netip"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/conntrack"
	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// An eventTranslator tells who was behind the address that an event's connection saw. It
// is for one goroutine, beside that of the translator.
type eventTranslator struct {
	eventReader
	translations
	now    func() uint64 // CLOCK_MONOTONIC, ns
	mask   func(netip.Addr) netip.Addr
	synced uint64 // all is known that happened before
}

// Read returns the next event.
func (t *eventTranslator) Read(deadline time.Time) (flow.Event, error) {
	e, err := t.eventReader.Read(deadline)
	if err == nil && t.Active() {
		t.translate(&e)
	}
	return e, err
}

// Close ends reading; the translations stay.
func (t *eventTranslator) Close() error { return t.eventReader.Close() }

// translate asks as of the connection's beginning, or if that is not known as of the
// event. A connection that failed may have been translated at any moment of its life.
func (t *eventTranslator) translate(e *flow.Event) {
	if e.Time >= t.synced {
		now := t.now()
		_ = t.Sync() // the metrics' side says so
		t.synced = now
	}
	q := conntrack.Question{From: e.Time - uint64(e.Age), To: e.Time}
	if e.Kind == flow.EventReset {
		q.To = q.From
	}
	if !t.ask(e, q) && e.Kind == flow.EventReset {
		q.From, q.To = e.Time, e.Time
		t.ask(e, q)
	}
}

// ask reports whether it is known.
func (t *eventTranslator) ask(e *flow.Event, q conntrack.Question) bool {
	local := netip.AddrPortFrom(e.Key.Local, e.Key.LocalPort)
	remote := netip.AddrPortFrom(e.Key.Remote, e.Key.RemotePort)
	var verdict conntrack.Verdict
	var peer netip.AddrPort
	if e.Key.Role == flow.RoleServer {
		q.Seen = conntrack.Tuple{Source: remote, Destination: local}
		q.Seen, verdict = t.Trace(q)
		peer = netip.AddrPortFrom(t.mask(q.Seen.Source.Addr()), q.Seen.Source.Port())
	} else {
		q.Seen = conntrack.Tuple{Source: local, Destination: remote}
		q.Seen, verdict = t.Follow(q)
		peer = q.Seen.Destination
	}
	if verdict == conntrack.Translated && peer != remote {
		e.Key.Translated = flow.PeerOf(peer, 0)
	}
	return verdict != conntrack.Unknown
}
