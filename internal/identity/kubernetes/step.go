// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"net/netip"
	"slices"
	"time"
)

// look returns the moment. If the clock was set, nobody can tell any more who had an address when:
// whoever is the only one known of an address has it, whatever a point's time is; where there
// were others, the last one has it in times that are none of theirs by any clock.
func (s *Store) look() moment {
	m, set := s.pace.look()
	if set != 0 {
		s.lost = s.unsettle(m)
		s.set(set, s.lost)
	}
	if s.pace.settled(m) {
		s.pace.settles = 0
		s.tellGaps(func(g *gaps) { g.settle() })
		s.settles = m.elapsed
		m, _ = s.pace.look()
	}
	if s.settles != 0 && m.elapsed >= s.settles && !m.unsettled {
		s.settle(m)
	}
	return m
}

func (s *Store) tellGaps(f func(*gaps)) {
	for _, g := range []*gaps{&s.gaps, &s.services.gaps, &s.nodes.gaps} {
		f(g)
	}
}

// unsettle forgets when anybody had anything, and returns of how many addresses it is lost who had them.
func (s *Store) unsettle(m moment) (lost int) {
	s.settles = 0
	s.tellGaps(func(g *gaps) { g.unsettle(m) })
	s.waiting.unsettle()
	for _, n := range s.onNode {
		n.unsettle()
	}
	next := map[*pod]*pod{}
	lost = unsettle(s.v4, m, next) + unsettle(s.v6, m, next)
	s.exchange(next)
	for _, b := range []*book{s.services, s.nodes} {
		lost += b.unsettle(m)
		b.publish()
	}
	return lost
}

// unsettle notes how the pods of an index are known from now on.
func unsettle[K comparable](x *index[K], m moment, next map[*pod]*pod) (lost int) {
	x.groups(func(all []*pod) {
		last := lastOf(all)
		for _, p := range all {
			switch {
			case p != last:
				next[p] = p.disputed()
			case len(all) > 1:
				next[p] = p.since(m.sure)
			case next[p] == nil: // its other address may be another's, too
				next[p] = p.since(0)
			}
		}
		if len(all) > 1 || last == nil {
			lost++
		}
	})
	return lost
}

// lastOf is who has an address, of all that had it, or nil.
func lastOf(all []*pod) (last *pod) {
	for _, p := range all {
		if p.hold().until == forever && (last == nil || p.sure > last.sure) {
			last = p
		}
	}
	return last
}

// contest has nobody else be certain of a new pod's addresses.
func (s *Store) contest(p *pod) {
	next := map[*pod]*pod{}
	for _, all := range [][]*pod{s.v4.all(key4(p)), s.v6.all(key6(p))} {
		for _, other := range all {
			if other != p {
				next[other] = other.disputed()
			}
		}
	}
	s.exchange(next)
}

// among is since when a pod has its addresses that are of other live ones, too: later than they.
const among = 1

// settle has who alone has an address now, have it since ever: nobody asks for what was before. Who
// does not, is looked at again when the others are forgotten.
func (s *Store) settle(m moment) {
	next, again := map[*pod]*pod{}, false
	note := func(p *pod) {
		if p.from != 0 || p.sure <= among || p.hold().until != forever {
			return
		}
		sure := int64(0)
		for _, all := range [][]*pod{s.v4.all(key4(p)), s.v6.all(key6(p))} {
			switch {
			case slices.ContainsFunc(all, func(o *pod) bool { return o.hold().until != forever }):
				again = true
				return
			case len(all) > 1:
				sure = among
			}
		}
		next[p] = p.since(sure)
	}
	s.uids.each(note)
	s.exchange(next)
	for _, b := range []*book{s.services, s.nodes} {
		again = b.settle() || again
		b.publish()
	}
	s.settles = 0
	if again {
		s.settles = m.elapsed + int64(max(s.grace/4, time.Second))
	}
}

// exchange puts pods where others are.
func (s *Store) exchange(next map[*pod]*pod) {
	for old, p := range next {
		s.everywhere(old, p)
	}
	for i, p := range s.left {
		if n := next[p]; n != nil {
			s.left[i] = n
		}
	}
}

// since returns the pod as one that may have had its addresses ever, and has for certain since a time.
func (p *pod) since(sure int64) *pod {
	n, r := *p, p.rarely()
	n.from, n.sure = 0, sure
	if r.doubt != forever {
		r.doubt = 0
	}
	n.extra = newExtra(p.others(), r)
	return &n
}

// disputed returns the pod as one that may have its addresses, or not, at any time.
func (p *pod) disputed() *pod {
	n, r := *p, p.rarely()
	n.from, n.sure, r.doubt = 0, 0, 0
	n.extra = newExtra(p.others(), r)
	return &n
}

// unsettle is that of a store.
func (b *book) unsettle(m moment) (lost int) {
	had := b.ended()
	b.change(func(c *claim) {
		c.from = 0
		switch {
		case c.until != forever:
			c.sure, c.doubt = 0, 0
			lost++
		case had[c.address]:
			c.sure = m.sure
		default:
			c.sure = 0
		}
	})
	return lost
}

// settle is that of a store, and tells whether it is to be asked again.
func (b *book) settle() (again bool) {
	had := b.ended()
	b.change(func(c *claim) {
		if c.from == 0 && c.sure != 0 && c.until == forever {
			if had[c.address] {
				again = true
			} else {
				c.sure = 0
			}
		}
	})
	return again
}

// ended are addresses that somebody had.
func (b *book) ended() map[netip.Addr]bool {
	had := map[netip.Addr]bool{}
	for _, claims := range b.owners {
		for _, c := range claims {
			if c.until != forever {
				had[c.address] = true
			}
		}
	}
	return had
}

// change changes copies of all claims, for readers have them.
func (b *book) change(f func(*claim)) {
	for owner, claims := range b.owners {
		next := slices.Clone(claims)
		for i, c := range next {
			n := *c
			f(&n)
			next[i] = &n
		}
		b.owners[owner] = next
	}
	b.stale = true
}
