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
	Follow(conntrack.Question) (conntrack.Tuple, conntrack.Verdict)
	Trace(conntrack.Question) (conntrack.Tuple, conntrack.Verdict)
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
	claims   claims
	told     map[netip.AddrPort]bool // the kernel side, in this interval
	verdicts [numVerdicts]uint64
	trouble  error // the last one
	pairs    *pairer
	overruns uint64 // when the interval began
	blind    bool   // not all is known of this interval

	mu      sync.Mutex
	ends    ends // nil until the kernel side is open
	virtual map[netip.AddrPort]bool
	routes  *routes // those that are translated; nil if nobody wants to know
}

// A connection is one that the kernel side tells apart.
type connection struct {
	key    flow.Key
	serial uint16
}

// A peer is who is behind a connection's, and when it was last asked for.
type peer struct {
	address netip.AddrPort // invalid: who it looks to be, or nobody knows
	pair    uint64
	home    uint32 // its namespace; 0: not known
	round   uint32
}

// numVerdicts bounds [conntrack.Verdict].
const numVerdicts = conntrack.Translated + 1

func newTranslator(cfg *Config, pairs *pairer, now func() uint64) *translator {
	t := &translator{
		now:         now,
		granularity: cfg.Granularity,
		mask:        func(a netip.Addr) netip.Addr { return a },
		peers:       make(map[connection]*peer),
		claims:      make(claims),
		told:        make(map[netip.AddrPort]bool),
		virtual:     make(map[netip.AddrPort]bool),
		pairs:       pairs,
	}
	if pairs != nil {
		t.routes = newRoutes()
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
	if t.routes != nil {
		t.routes.add(e.Before)
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
	t.synced, t.blind = false, false
	t.overruns = t.Stats().Overruns
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
	t.blind = t.Stats().Overruns != t.overruns
}

// end is called after the last one.
func (t *translator) end() {
	for c, p := range t.peers {
		if t.round-p.round > peerRounds {
			delete(t.peers, c)
		}
	}
	t.claims.forget(t.round)
	clear(t.told)
	t.Forget(t.previous)
}

// meets notes a connection, and reports whether it is new: then who its peer is can be told
// when all others of the interval are known.
func (t *translator) meets(d *flow.Delta) bool {
	if d.Serial == 0 {
		return false
	}
	p := t.peers[connection{d.Key, d.Serial}]
	home := t.home(d)
	if p != nil {
		home = p.home
	}
	t.claims.note(claimOf(&d.Key), home, t.round)
	return p == nil
}

// home is where a connection is that is heard of for the first time. Of an older one that
// was forgotten the number that tells may be another's.
func (t *translator) home(d *flow.Delta) uint32 {
	if d.Opened == 0 && total(d.Trouble.Failed[:]) == 0 && t.round > peerRounds {
		return 0
	}
	return d.Namespace
}

// translate gives a connection that was told apart the identity of its flow: what the
// granularity leaves, and who is behind.
func (t *translator) translate(d *flow.Delta) {
	if d.Serial == 0 {
		d.Key.Translated = flow.PeerOf(d.Key.Translated.AddrPort(), t.direct(&d.Key))
		return
	}
	t.sync()
	c := connection{d.Key, d.Serial}
	p := t.peers[c]
	if p == nil {
		p = t.resolve(d)
		p.home = t.home(d)
		t.peers[c] = p
	}
	p.round = t.round
	d.Serial = 0
	d.Key.Translated = flow.PeerOf(p.address, p.pair)
	if t.granularity == GranularityConnection {
		return
	}
	if d.Key.Role == flow.RoleServer {
		d.Key.RemotePort = 0
	} else {
		d.Key.LocalPort = 0
	}
}

// direct is the pair of a flow whose connections are not told apart: of a client none if
// one of them may have been translated.
func (t *translator) direct(key *flow.Key) uint64 {
	if t.pairs == nil {
		return 0
	}
	if key.Role == flow.RoleClient {
		t.sync()
		if t.blind || t.routes.has(key.Local, netip.AddrPortFrom(key.Remote, key.RemotePort)) {
			return 0
		}
	}
	return t.pairs.seen(key)
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
	v.entries, v.namespaces, v.denied = stats.Entries, stats.Namespaces, stats.Denied
	v.overruns, v.refused, v.malformed = stats.Overruns, stats.Refused, stats.Malformed
	v.translated = t.verdicts[conntrack.Translated]
	v.untranslated = t.verdicts[conntrack.Untranslated]
	v.unknown = t.verdicts[conntrack.Unknown]
}
