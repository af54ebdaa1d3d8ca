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

// A pod is what is kept of one: 256 B, with its name and UID in one string. It is
// immutable. What few have is in its extra.
type pod struct {
	identity.Identity

	from      uint32  // hold.from, in s since 1970
	v4        [4]byte // 0.0.0.0 if it has none
	sure      int64   // hold.sure
	container digest  // of its container's id, if it has only one
	*extra
}

// extra is what a pod has that is on its way out, has a second address or several
// containers, or is static.
type extra struct {
	v6           [16]byte // zero if it has none
	mirror       string
	containers   []container // all of several, and what ran before a restart
	doubt, until int64
	node         *node // if doubt is not forever
}

// A container is one of several of a pod.
type container struct {
	digest
	name string
	of   atomic.Pointer[identity.Identity] // made when it is asked for
}

// A digest stands for a string. Two strings have the same by chance once in 2^128.
type digest struct{ high, low uint64 }

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func digestOf(s string) digest {
	return digest{maphash.String(seeds[0], s), maphash.String(seeds[1], s)}
}

// newPod makes a pod of a view. h says when it has its addresses.
func newPod(v *podView, h hold, cluster string, on *node, names *interner) *pod {
	both := v.name + v.uid
	p := &pod{
		Identity: identity.Identity{
			Kind: identity.KindPod, Cluster: cluster, Namespace: names.intern(v.namespace),
			Pod: both[:len(v.name)], PodUID: both[len(v.name):],
			Node: names.intern(v.node), Zone: on.zone, HostNetwork: v.hostNetwork,
			Workload:         identity.Workload{Kind: names.intern(v.workload.Kind), Name: names.intern(v.workload.Name)},
			ServiceName:      names.intern(v.serviceName),
			ServiceNamespace: names.intern(v.serviceNamespace),
		},
		from: uint32(min(max(h.from/int64(time.Second), 0), math.MaxUint32)),
		sure: h.sure,
	}
	if v.v4.IsValid() {
		p.v4 = v.v4.As4()
	}
	e := extra{mirror: v.mirror, doubt: h.doubt, until: h.until}
	if v.v6.IsValid() {
		e.v6 = v.v6.As16()
	}
	rest := v.containers
	if v.alone && len(rest) > 0 {
		p.container = digestOf(rest[0].id)
		p.Container = names.intern(rest[0].name)
		rest = rest[1:]
	}
	e.setContainers(rest, names)
	if e.doubt != forever {
		e.node = on
	}
	if e.v6 != ([16]byte{}) || e.mirror != "" || e.containers != nil || e.doubt != forever || e.until != forever {
		p.extra = &e
	}
	return p
}

func (e *extra) setContainers(views []containerView, names *interner) {
	if len(views) == 0 {
		return
	}
	e.containers = make([]container, len(views))
	for i, c := range views {
		e.containers[i].digest, e.containers[i].name = digestOf(c.id), names.intern(c.name)
	}
}

func (p *pod) hold() hold {
	h := hold{from: int64(p.from) * int64(time.Second), sure: p.sure, doubt: forever, until: forever}
	if p.extra != nil {
		h.doubt, h.until = p.doubt, p.until
	}
	return h
}

// gone returns the pod as it is known after it was deleted, until it is forgotten. What
// it certainly had, it had until its deletion was asked for.
func (p *pod) gone(until int64, node *node) *pod {
	g := *p
	e := extra{doubt: p.sure}
	if p.extra != nil {
		e.v6, e.mirror, e.containers = p.v6, p.mirror, p.copyContainers()
		if p.doubt != forever {
			e.doubt = p.doubt
		}
	}
	e.until, e.node = until, node
	g.extra = &e
	return &g
}

// in returns the pod in another zone.
func (p *pod) in(zone string) *pod {
	z := *p
	z.Zone = zone
	if p.extra != nil {
		e := extra{
			v6: p.v6, mirror: p.mirror, containers: p.copyContainers(),
			doubt: p.doubt, until: p.until, node: p.node,
		}
		z.extra = &e
	}
	return &z
}

func (p *pod) copyContainers() []container {
	if p.containers == nil {
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
	if of.Container == c.name {
		return of
	}
	if id := c.of.Load(); id != nil {
		return id
	}
	id := *of
	id.Container = c.name
	c.of.CompareAndSwap(nil, &id)
	return c.of.Load()
}

// address6 is its second address, or its only one; zero if it has none.
func (p *pod) address6() [16]byte {
	if p.extra == nil {
		return [16]byte{}
	}
	return p.v6
}

// is tells whether a UID is its own, or in the names of its cgroups.
func (p *pod) is(uid string) bool { return p.PodUID == uid || p.mirrored() == uid }

// mirrored is the UID of a static pod in the names of its cgroups, or empty.
func (p *pod) mirrored() string {
	if p.extra == nil {
		return ""
	}
	return p.mirror
}
