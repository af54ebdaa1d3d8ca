// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"hash/maphash"
	"math"
	"sync/atomic"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A pod is what is kept of one: 112 B, with its name and UID in one string. It is
// immutable. What few have is in its extra. What a look-up by address reads is in front.
type pod struct {
	v4   [4]byte // 0.0.0.0 if it has none
	from uint32  // hold.from, in s since 1970
	sure int64   // hold.sure
	*extra
	identity.Identity
	v6        [16]byte // zero if it has none
	container digest   // of its container's id, if it has only one
}

// extra is what a pod has that has several containers, is on its way out, or is static.
type extra struct {
	containers []container // all of several, and what ran before a restart
	*rare
}

// rare is what a pod has that is on its way out, or static.
type rare struct {
	mirror       string
	doubt, until int64
	node         *node // if doubt is not forever
}

// A container is one of several of a pod.
type container struct {
	digest
	name *string                           // shared
	of   atomic.Pointer[identity.Identity] // made when it is asked for
}

// A digest stands for a string. Two strings have the same by chance once in 2^128.
type digest struct{ high, low uint64 }

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func digestOf(s string) digest {
	return digest{maphash.String(seeds[0], s), maphash.String(seeds[1], s)}
}

// newPod makes a pod of a view. h says when it has its addresses.
func newPod(v *podView, h hold, cluster string, on *node, shared *shares) *pod {
	both := v.name + v.uid
	common := identity.Common{
		Cluster: cluster, Namespace: v.namespace, Workload: v.workload,
		ServiceName: v.serviceName, ServiceNamespace: v.serviceNamespace,
	}
	p := &pod{
		v4: as4(v.v4), v6: as16(v.v6),
		from: uint32(min(max(h.from/int64(time.Second), 0), math.MaxUint32)),
		sure: h.sure,
	}
	rest := v.containers
	if v.alone && len(rest) > 0 {
		p.container = digestOf(rest[0].id)
		common.Container = rest[0].name
		rest = rest[1:]
	}
	p.Identity = identity.Identity{
		Kind: identity.KindPod, HostNetwork: v.hostNetwork, Pod: both[:len(v.name)], PodUID: both[len(v.name):],
		Common: shared.common(common), Place: on.place,
	}
	r := rare{mirror: v.mirror, doubt: h.doubt, until: h.until}
	if r.doubt != forever {
		r.node = on
	}
	p.extra = newExtra(newContainers(rest, shared), r)
	return p
}

// newExtra returns nil if there is nothing in it.
func newExtra(containers []container, r rare) *extra {
	switch {
	case r.mirror != "" || r.doubt != forever || r.until != forever:
		return &extra{containers, &r}
	case containers != nil:
		return &extra{containers, nil}
	}
	return nil
}

func newContainers(views []containerView, shared *shares) []container {
	if len(views) == 0 {
		return nil
	}
	all := make([]container, len(views))
	for i, c := range views {
		all[i].digest, all[i].name = digestOf(c.id), shared.name(c.name)
	}
	return all
}

// rarely returns what few pods have, as it is of the others.
func (p *pod) rarely() rare {
	if p.extra == nil || p.rare == nil {
		return rare{doubt: forever, until: forever}
	}
	return *p.rare
}

func (p *pod) hold() hold {
	h := hold{from: int64(p.from) * int64(time.Second), sure: p.sure, doubt: forever, until: forever}
	if p.extra != nil && p.rare != nil {
		h.doubt, h.until = p.doubt, p.until
	}
	return h
}

// gone returns the pod as it is known after it was deleted, until it is forgotten. What
// it certainly had, it had until its deletion was asked for.
func (p *pod) gone(until int64, node *node) *pod {
	g, r := *p, p.rarely()
	if r.doubt == forever {
		r.doubt = p.sure
	}
	r.until, r.node = until, node
	g.extra = newExtra(p.copyContainers(), r)
	return &g
}

// in returns the pod on a node in another zone.
func (p *pod) in(place *identity.Place) *pod {
	z := *p
	z.Place = place
	z.extra = newExtra(p.copyContainers(), p.rarely())
	return &z
}

func (p *pod) copyContainers() []container {
	if p.extra == nil || p.containers == nil {
		return nil
	}
	copies := make([]container, len(p.containers))
	for i := range p.containers {
		copies[i].digest, copies[i].name = p.containers[i].digest, p.containers[i].name
	}
	return copies
}

// digests returns those of all its containers.
func (p *pod) digests() []digest {
	var all []digest
	if p.container != (digest{}) {
		all = append(all, p.container)
	}
	if p.extra != nil {
		for i := range p.containers {
			all = append(all, p.containers[i].digest)
		}
	}
	return all
}

// inContainer returns the identity of one of its containers, or nil.
func (p *pod) inContainer(d digest) *identity.Identity {
	if p.container == d {
		return &p.Identity
	}
	if p.extra == nil {
		return nil
	}
	for i := range p.containers {
		if c := &p.containers[i]; c.digest == d {
			return c.identity(&p.Identity)
		}
	}
	return nil
}

func (c *container) identity(of *identity.Identity) *identity.Identity {
	if of.Container == *c.name {
		return of
	}
	if id := c.of.Load(); id != nil {
		return id
	}
	id, common := *of, *of.Common
	common.Container = *c.name
	id.Common = &common
	c.of.CompareAndSwap(nil, &id)
	return c.of.Load()
}

// is tells whether a UID is its own, or in the names of its cgroups.
func (p *pod) is(uid string) bool { return p.PodUID == uid || p.rarely().mirror == uid }
