// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"net/netip"
	"sync"

	"github.com/tcpwhy/tcpwhy/internal/conntrack"
	"github.com/tcpwhy/tcpwhy/internal/flow"
)

const (
	// peerRounds is for how many intervals without a word of a connection its peer is
	// remembered: what it sent last may come late.
	peerRounds = 3
	// maxVirtual bounds the ends that are known to stand for others.
	maxVirtual = 16384
)

// Translations are what the kernel's connection tracking knows, a [conntrack.Watcher].
type translations interface {
	Discover() error
	Sync() error
	Forget(before uint64)
	Follow(seen conntrack.Tuple, from, to uint64) (conntrack.Tuple, conntrack.Verdict)
	Trace(seen conntrack.Tuple, from, to uint64) (conntrack.Tuple, conntrack.Verdict)
	Active() bool
	Stats() conntrack.Stats
	Close() error
}

// Ends are where the kernel side is told which addresses stand for others. A port of 0
// is that of clients.
type ends interface {
	SetVirtual(end netip.AddrPort, virtual bool) error
	SetApart(on bool) error
}

// A translator finds out who is behind the address that a connection sees, and gives it
// the identity that it keeps. Only learn may be called from other goroutines.
type translator struct {
	translations
	now         func() uint64 // CLOCK_MONOTONIC, ns
	granularity Granularity
	mask        func(netip.Addr) netip.Addr // a server's visitors

	round    uint32
	begun    uint64 // this interval's end, before it was swept
	previous uint64
	synced   bool
	peers    map[connection]*peer
	told     map[netip.AddrPort]bool // the kernel side, in this interval
	verdicts [numVerdicts]uint64
	trouble  error // the last one

	mu      sync.Mutex
	ends    ends // nil until the kernel side is open
	virtual map[netip.AddrPort]bool
}

// A connection is one that the kernel side tells apart.
type connection struct {
	key    flow.Key
	serial uint16
}

// A peer is who is behind a connection's, and when it was last asked for.
type peer struct {
	address netip.AddrPort // invalid: who it looks to be, or nobody knows
	round   uint32
}

// numVerdicts bounds [conntrack.Verdict].
const numVerdicts = conntrack.Translated + 1

func newTranslator(cfg *Config, now func() uint64) *translator {
	t := &translator{
		now:         now,
		granularity: cfg.Granularity,
		mask:        func(a netip.Addr) netip.Addr { return a },
		peers:       make(map[connection]*peer),
		told:        make(map[netip.AddrPort]bool),
		virtual:     make(map[netip.AddrPort]bool),
	}
	if cfg.RemoteAddresses == RemoteAddressesPrivate {
		t.mask = visitorMask(cfg.ClusterCIDRs)
	}
	return t
}

// learn notes which ends stand for others, as soon as one connection tells.
func (t *translator) learn(e conntrack.Entry) {
	if e.DestinationTranslated() {
		t.setVirtual(e.Before.Destination)
	}
	if e.SourceTranslated() {
		t.setVirtual(netip.AddrPortFrom(e.After.Source.Addr(), 0))
	}
}

func (t *translator) setVirtual(end netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.virtual[end] {
		return
	}
	if len(t.virtual) >= maxVirtual {
		clear(t.virtual) // the kernel side forgets too
	}
	t.virtual[end] = true
	t.tell(end, true)
}

// tell tells the kernel side. If it has no memory for that, it asks again with the next
// connection. The caller holds mu.
func (t *translator) tell(end netip.AddrPort, virtual bool) {
	if t.ends != nil {
		_ = t.ends.SetVirtual(end, virtual)
	}
}

// known returns the ends that stand for others.
func (t *translator) known() []netip.AddrPort {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]netip.AddrPort, 0, len(t.virtual))
	for end := range t.virtual {
		all = append(all, end)
	}
	return all
}

// connect tells the kernel side all that is known, and from then on what is new.
func (t *translator) connect(e ends) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends = e
	for end := range t.virtual {
		t.tell(end, true)
	}
	return e.SetApart(t.Active())
}

// begin is called before the sockets are swept: what a dump tells then is surely of
// those that the sweep sees.
func (t *translator) begin() error {
	t.trouble = t.Discover()
	t.previous, t.begun = t.begun, t.now()
	t.synced = false
	t.round++
	return t.ends.SetApart(t.Active())
}

// sync is called when no connection can come into the interval any more, before the
// first one is translated.
func (t *translator) sync() {
	if t.synced {
		return
	}
	t.synced = true
	if err := t.Sync(); err != nil {
		t.trouble = err
	}
}

// end is called after the last one.
func (t *translator) end() {
	for c, p := range t.peers {
		if t.round-p.round > peerRounds {
			delete(t.peers, c)
		}
	}
	clear(t.told)
	t.Forget(t.previous)
}

// translate gives a connection that was told apart the identity of its flow: what the
// granularity leaves, and who is behind.
func (t *translator) translate(d *flow.Delta) {
	if d.Serial == 0 {
		return
	}
	t.sync()
	c := connection{d.Key, d.Serial}
	p := t.peers[c]
	if p == nil {
		p = &peer{address: t.resolve(d)}
		t.peers[c] = p
	}
	p.round = t.round
	d.Serial = 0
	d.Key.Translated = flow.PeerOf(p.address)
	if t.granularity == GranularityConnection {
		return
	}
	if d.Key.Role == flow.RoleServer {
		d.Key.RemotePort = 0
	} else {
		d.Key.LocalPort = 0
	}
}

// resolve asks who is behind, once.
func (t *translator) resolve(d *flow.Delta) netip.AddrPort {
	if d.Key.Role == flow.RoleServer {
		return t.client(d)
	}
	return t.server(d)
}

// server finds the server of a client.
func (t *translator) server(d *flow.Delta) netip.AddrPort {
	seen := conntrack.Tuple{
		Source:      netip.AddrPortFrom(d.Key.Local, d.Key.LocalPort),
		Destination: netip.AddrPortFrom(d.Key.Remote, d.Key.RemotePort),
	}
	found, verdict := t.ask(d, seen, t.Follow)
	if verdict == conntrack.Translated && found.Destination == seen.Destination {
		verdict = conntrack.Untranslated // its source alone is
	}
	t.conclude(seen.Destination, verdict)
	if verdict != conntrack.Translated {
		return netip.AddrPort{}
	}
	return found.Destination
}

// client finds the client of a server: of its port is told what is told of any
// client's.
func (t *translator) client(d *flow.Delta) netip.AddrPort {
	seen := conntrack.Tuple{
		Source:      netip.AddrPortFrom(d.Key.Remote, d.Key.RemotePort),
		Destination: netip.AddrPortFrom(d.Key.Local, d.Key.LocalPort),
	}
	found, verdict := t.ask(d, seen, t.Trace)
	t.conclude(netip.AddrPortFrom(seen.Source.Addr(), 0), verdict)
	if verdict != conntrack.Translated {
		return netip.AddrPort{}
	}
	if t.granularity == GranularityConnection {
		return netip.AddrPortFrom(t.mask(found.Source.Addr()), found.Source.Port())
	}
	return netip.AddrPortFrom(t.mask(found.Source.Addr()), 0)
}

type question func(seen conntrack.Tuple, from, to uint64) (conntrack.Tuple, conntrack.Verdict)

// ask asks as of the moment when the connection was established; of one that never was,
// as of any moment since it was tried. If that is not known but the connection is there
// still, the sweep has seen it at a moment that is.
func (t *translator) ask(d *flow.Delta, seen conntrack.Tuple, ask question) (conntrack.Tuple, conntrack.Verdict) {
	live := total(d.Live[:]) > 0
	if !live && d.Opened == 0 && total(d.Closed[:]) == 0 {
		return ask(seen, d.Since, t.now())
	}
	found, verdict := ask(seen, d.Since, d.Since)
	if verdict == conntrack.Unknown && live {
		now := max(d.Since, t.begun)
		return ask(seen, now, now)
	}
	return found, verdict
}

func total[T uint32 | uint64](counts []T) (sum uint64) {
	for _, n := range counts {
		sum += uint64(n)
	}
	return sum
}

// conclude counts, and tells the kernel side what it need not ask again.
func (t *translator) conclude(end netip.AddrPort, verdict conntrack.Verdict) {
	t.verdicts[verdict]++
	if verdict == conntrack.Unknown || t.told[end] {
		return
	}
	t.told[end] = true
	t.mu.Lock()
	defer t.mu.Unlock()
	if virtual := verdict == conntrack.Translated; virtual || !t.virtual[end] {
		t.tell(end, virtual)
	}
}

// vitals says what is known.
func (t *translator) vitals(v *natVitals) {
	stats := t.Stats()
	v.err = t.trouble
	v.entries, v.namespaces = stats.Entries, stats.Namespaces
	v.overruns, v.refused, v.malformed = stats.Overruns, stats.Refused, stats.Malformed
	v.translated = t.verdicts[conntrack.Translated]
	v.untranslated = t.verdicts[conntrack.Untranslated]
	v.unknown = t.verdicts[conntrack.Unknown]
}
