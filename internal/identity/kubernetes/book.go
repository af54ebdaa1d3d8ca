// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A claim is an address of a service or a node.
type claim struct {
	hold
	address  netip.Addr
	ports    []uint16 // those that are the service's; all if empty
	identity *identity.Identity
}

// has tells whether a port is the claim's. One that is not known (0) is only of who has them all: it is
// that of a client, as a server sees it, and a load balancer's address may be a node's.
func (c *claim) has(port uint16) bool {
	return len(c.ports) == 0 || slices.Contains(c.ports, port)
}

// A book has the claims of services, or of nodes. Readers see a snapshot; a writer
// makes the next one, which is fine for what changes seldom.
type book struct {
	gaps   gaps
	owners map[string][]*claim // by the owner's key; the writer's
	met    map[string]bool     // owners that are there, with or without claims; the writer's
	stale  bool                // the pages are; the writer's
	pages  atomic.Pointer[map[netip.Addr][]*claim]
}

func newBook() *book {
	b := &book{owners: map[string][]*claim{}, met: map[string]bool{}}
	b.pages.Store(&map[netip.Addr][]*claim{})
	b.gaps.init()
	return b
}

// find returns who had an address and port, or nil, and whether anybody ever had the
// address. Nobody has what several have; nor has who may have it in a gap, in which others may have come
// and gone.
func (b *book) find(address netip.Addr, port uint16, at int64) (id *identity.Identity, listed bool) {
	claims := (*b.pages.Load())[address]
	if len(claims) == 0 {
		return nil, false
	}
	var c choice[*claim]
	for _, candidate := range claims {
		if candidate.has(port) {
			c.add(candidate, candidate.at(at))
		}
	}
	if best, ok := c.get(); ok && (c.verdict == certainly || !b.gaps.has(at)) {
		return best.identity, true
	}
	return nil, true
}

// publish shows readers what owners have, if that has changed.
func (b *book) publish() {
	if !b.stale {
		return
	}
	b.stale = false
	pages := make(map[netip.Addr][]*claim, len(b.owners))
	for _, owner := range slices.Sorted(maps.Keys(b.owners)) {
		for _, c := range b.owners[owner] {
			pages[c.address] = append(pages[c.address], c)
		}
	}
	b.pages.Store(&pages)
}

// put sets what an owner is seen to have. Claims that it had keep their times; those that
// it has not any more end, and are known for the grace period. An address that it is first seen with
// later, as a service that becomes dual-stack or was an ExternalName, is for certain its own since then only.
func (b *book) put(owner string, claims []*claim, seen moment) {
	old, changed := b.owners[owner], false
	next := make([]*claim, 0, len(claims))
	for _, c := range claims {
		i := slices.IndexFunc(old, func(o *claim) bool { return o.until == forever && o.address == c.address })
		if i >= 0 {
			c.from, c.sure = min(old[i].from, c.from), min(old[i].sure, c.sure)
			changed = changed || !old[i].identity.Equal(c.identity) || !slices.Equal(old[i].ports, c.ports)
		} else {
			changed = true
			if len(old) > 0 || b.met[owner] {
				c.sure = seen.sure
			}
		}
		next = append(next, c)
	}
	for _, o := range old {
		switch {
		case o.until != forever:
			next = append(next, o)
		case !slices.ContainsFunc(claims, func(c *claim) bool { return c.address == o.address }):
			gone := *o
			if o.from == 0 && o.sure != 0 { // nobody knows by which clock
				gone.from, gone.sure = 0, 0
			}
			gone.doubt, gone.until = min(gone.doubt, gone.sure), seen.ends
			next = append(next, &gone)
			changed = true
		}
	}
	if changed {
		b.owners[owner], b.stale = next, true
	}
	b.met[owner] = true
}

// end notes that an owner is gone.
func (b *book) end(owner string, seen moment) {
	b.put(owner, nil, seen)
	delete(b.met, owner)
}

// expire forgets what ended.
func (b *book) expire(now int64) {
	for owner, claims := range b.owners {
		if slices.ContainsFunc(claims, func(c *claim) bool { return c.until <= now }) {
			b.stale = true
			claims = slices.DeleteFunc(slices.Clone(claims), func(c *claim) bool { return c.until <= now })
		}
		if len(claims) == 0 {
			delete(b.owners, owner)
		} else {
			b.owners[owner] = claims
		}
	}
	b.publish()
}

// known returns the owners that are there, as far as was told.
func (b *book) known() []string { return slices.Collect(maps.Keys(b.met)) }

// live returns how many owners have something now.
func (b *book) live() (owners int) {
	for _, claims := range b.owners {
		if slices.ContainsFunc(claims, func(c *claim) bool { return c.until == forever }) {
			owners++
		}
	}
	return owners
}
