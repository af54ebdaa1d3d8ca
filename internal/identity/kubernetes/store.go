// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Store knows the pods, services and nodes of a cluster. Readers take no lock that a
// writer holds for long; writers are reflectors.
type Store struct {
	cluster    string
	labelsName bool
	grace      time.Duration
	// Pods of other nodes are not told of, or some of any node.
	ofNode, filtered bool
	// set is told when the clock was set, by how much, and of how many addresses it is lost who had them.
	set func(by time.Duration, lost int)

	v4         *index[[4]byte]
	v6         *index[[16]byte]
	uids       *index[uint64] // of UIDs, by hash
	containers *index[uint64] // of container ids, by hash
	services   *book
	nodes      *book
	nodeNames  atomic.Pointer[nodeNames] // a copy of named

	mu      sync.Mutex // of writers
	pace    *pace
	expires int64 // when something is forgotten next
	settles int64 // when who has an address is looked at again, after the clock was set; 0: not
	lost    int   // addresses of which it is lost who had them, when it was set last
	onNode  map[string]*node
	// waiting are those of all nodes.
	waiting waiting
	gaps    gaps
	named   nodeNames
	shared  *shares
	left    []*pod // deleted, in the order in which they are forgotten
	sizes   Sizes
}

// Sizes counts what is known.
type Sizes struct {
	Pods     int // live ones
	Deleted  int // pods that are still known
	Services int // those with an address
	Nodes    int
}

// NewStore returns an empty store. clock is the time at which something is seen.
func NewStore(cfg *Config, clock Clock) *Store {
	s := &Store{
		cluster: cfg.ClusterName, labelsName: cfg.labelsName(), grace: cfg.grace(), pace: newPace(clock, cfg.grace()),
		set:    func(time.Duration, int) {},
		ofNode: cfg.Filter.node() != "" || cfg.Scope == ScopeNode, filtered: cfg.Filter.hides(),
		v4:         newIndex(func(k [4]byte) uint8 { return k[3] }),
		v6:         newIndex(func(k [16]byte) uint8 { return k[15] }),
		uids:       newIndex(func(k uint64) uint8 { return uint8(k) }),
		containers: newIndex(func(k uint64) uint8 { return uint8(k) }),
		services:   newBook(), nodes: newBook(),
		onNode: map[string]*node{}, named: nodeNames{}, shared: newShares(),
	}
	s.nodeNames.Store(&nodeNames{})
	s.waiting.init()
	s.gaps.init()
	return s
}

// byUID returns the pod of a UID, or of a static pod's in cgroups, or nil.
func (s *Store) byUID(uid string) *pod {
	one, many := s.uids.get(hash(uid))
	if one != nil && one.is(uid) {
		return one
	}
	var found *pod
	for _, p := range many { // a live one, if a static pod's mirror was made anew
		if p.is(uid) && (found == nil || p.hold().until == forever) {
			found = p
		}
	}
	return found
}

// byContainer returns the pod of a container by its hash, or nil. It is not read: most that
// are asked for are in no cache. Several have it if a static pod's mirror was made anew.
func (s *Store) byContainer(k uint64) *pod {
	one, many := s.containers.get(k)
	if one != nil {
		return one
	}
	return live(many)
}

// live returns one that is not deleted, if there is, or any; nil if there is none.
func live(pods []*pod) (found *pod) {
	for _, p := range pods {
		if found == nil || p.hold().until == forever {
			found = p
		}
	}
	return found
}

// byAddress returns the pod that had an address at a time, or nil, and whether any pod
// is known to have had it.
func (s *Store) byAddress(address netip.Addr, at int64) (found *pod, listed bool) {
	var one *pod
	var many []*pod
	if address.Is4() {
		one, many = s.v4.get(address.As4())
	} else {
		one, many = s.v6.get(address.As16())
	}
	if one != nil {
		if one.hold().at(at) == no {
			return nil, true
		}
		return s.unlessReused(one, address, at), true
	}
	if len(many) == 0 {
		return nil, false
	}
	order := succession{time: at}
	for _, p := range many {
		order.add(p)
	}
	if p := order.get(); p != nil {
		return s.unlessReused(p, address, at), true
	}
	return nil, true
}

// unlessReused returns nil of a pod that may have given its address back, if one that
// waits for an address may have got this one: the kubelet tells either only after it
// happened. That one is on the same node, if the node has a range of its own and the address is of it.
// In a gap anybody may have come, and be gone; so may pods that are not watched.
func (s *Store) unlessReused(p *pod, address netip.Addr, at int64) *pod {
	if p.extra == nil || p.rare == nil || p.node == nil || at < p.doubt {
		return p
	}
	if s.filtered || s.gaps.has(at) || at >= p.node.earliest.Load() {
		return nil
	}
	if (s.ofNode || at >= s.waiting.earliest.Load()) && !p.node.owns(address) {
		return nil
	}
	return p
}

// putPod adds or changes a pod that is seen at a moment, in a list of all, or by a watch,
// which tells of who had its addresses before it.
func (s *Store) putPod(v *podView, m moment, listed bool) {
	m = s.pace.hear(m, v.created)
	n := s.nodeOf(v.node)
	if v.waits() {
		since := v.waitsSince(m)
		n.wait(v.uid, since)
		s.waiting.wait(v.uid, since)
	} else {
		n.done(v.uid)
		s.waiting.done(v.uid)
	}
	old := s.byUID(v.uid)
	h := v.hold(m)
	same := old != nil && old.v4 == as4(v.v4) && old.v6 == as16(v.v6)
	if same {
		before := old.hold()
		if m.unsettled {
			h.doubt = min(h.doubt, before.doubt)
		}
		h.from, h.sure = before.from, min(h.sure, before.sure)
	} else if listed && !m.unsettled {
		h.from = h.sure + int64(time.Second) - 1 // in whole seconds, not before it
	}
	p := newPod(v, h, s.cluster, n, s.shared)
	if old == nil {
		s.sizes.Pods++
	} else if old.hold().until != forever {
		s.sizes.Pods++ // it is back: it was only out of sight
	}
	s.swap(old, p, m, n)
	if m.unsettled && !same {
		s.contest(p)
	}
}

// swap puts a pod where an older one of the same UID is, in all indices. An address
// that only the old one has is still known to have been its.
func (s *Store) swap(old, new *pod, m moment, n *node) {
	swapKeys(s.uids, uidKeys(old), uidKeys(new), old, new)
	swapKeys(s.containers, containerKeys(old), containerKeys(new), old, new)
	var gone *pod
	leave := func() *pod {
		if gone == nil {
			gone = old.gone(m.ends, n)
			s.left = append(s.left, gone)
			s.sizes.Deleted++
		}
		return gone
	}
	move(s.v4, key4(old), key4(new), old, new, leave)
	move(s.v6, key6(old), key6(new), old, new, leave)
}

// move puts new in an index of addresses; old leaves something if it had another one.
func move[K comparable](x *index[K], oldKey, newKey K, old, new *pod, leave func() *pod) {
	var none K
	if oldKey == newKey && oldKey != none {
		x.replace(oldKey, old, new)
		return
	}
	if oldKey != none {
		if old.hold().until == forever {
			x.replace(oldKey, old, leave())
		} else {
			x.replace(oldKey, old, nil)
		}
	}
	if newKey != none {
		x.replace(newKey, nil, new)
	}
}

func swapKeys(x *index[uint64], oldKeys, newKeys []uint64, old, new *pod) {
	for _, k := range oldKeys {
		if !slices.Contains(newKeys, k) {
			x.replace(k, old, nil)
		}
	}
	for _, k := range newKeys {
		if slices.Contains(oldKeys, k) {
			x.replace(k, old, new)
		} else {
			x.replace(k, nil, new)
		}
	}
}

// deletePod keeps a pod for the grace period. Its name is told by what is left of it.
func (s *Store) deletePod(uid string, m moment) {
	p := s.byUID(uid)
	if p == nil {
		return
	}
	n := s.nodeOf(p.Node)
	n.done(uid)
	s.waiting.done(uid)
	if p.hold().until != forever {
		return
	}
	gone := p.gone(m.ends, n)
	s.sizes.Pods--
	s.sizes.Deleted++
	s.left = append(s.left, gone)
	s.everywhere(p, gone)
}

// everywhere puts new, which has the same keys, where old is.
func (s *Store) everywhere(old, new *pod) {
	for _, k := range uidKeys(old) {
		s.uids.replace(k, old, new)
	}
	for _, k := range containerKeys(old) {
		s.containers.replace(k, old, new)
	}
	if k := key4(old); k != [4]byte{} {
		s.v4.replace(k, old, new)
	}
	if k := key6(old); k != [16]byte{} {
		s.v6.replace(k, old, new)
	}
}

// tick sees in time that the clock was set, and forgets now and then what there was before the grace
// period, whatever the clock was set to since.
func (s *Store) tick() {
	now := s.look().elapsed
	if now < s.expires {
		return
	}
	s.expires = now + int64(min(max(s.grace/10, time.Second), 10*time.Second))
	s.expire()
}

// expire forgets what was deleted before the grace period.
func (s *Store) expire() {
	now := s.look().elapsed
	i := 0
	for ; i < len(s.left) && s.left[i].until <= now; i++ {
		s.everywhere(s.left[i], nil)
		s.sizes.Deleted--
	}
	if i > 0 {
		s.left = slices.Clone(s.left[i:])
	}
	s.forgetNodes()
	s.gaps.expire(now)
	for _, b := range []*book{s.services, s.nodes} {
		b.expire(now)
		b.gaps.expire(now)
	}
}

// nodeOf returns the node of a name, which may not have been seen yet.
func (s *Store) nodeOf(name string) *node {
	n := s.onNode[name]
	if n == nil {
		n = newNode(name)
		s.onNode[name] = n
	}
	return n
}

// rezone gives pods the zones of their nodes, all at once, after nodes changed theirs.
func (s *Store) rezone() {
	var stale []*pod
	note := func(p *pod) {
		if n := s.onNode[p.Node]; n != nil && n.place.Zone != p.Zone {
			stale = append(stale, p)
		}
	}
	s.uids.each(note)
	for _, p := range s.left { // what a pod left at an address that it had before has no UID of its own
		note(p)
	}
	moved := map[*pod]*pod{}
	for _, p := range stale {
		if moved[p] == nil { // a static pod has two keys, a deleted one is left, too
			moved[p] = p.in(s.onNode[p.Node].place)
			s.everywhere(p, moved[p])
		}
	}
	for i, p := range s.left {
		if z := moved[p]; z != nil {
			s.left[i] = z
		}
	}
}
