// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"math"
	"strings"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A pod is what is kept of one: 112 B, and its name. It is
// immutable. What few have is in its extra. What look-ups read is in front.
type pod struct {
	v4   [4]byte // 0.0.0.0 if it has none
	from uint32  // hold.from, in s since 1970
	sure int64   // hold.sure
	*extra
	first     *string // name of its first container, if it has several; shared
	container uint64  // hash of that one's id, or 0 if it has none
	identity.Identity
	v6 [16]byte // zero if it has none
}

// extra is what a pod has that has several containers or had, is on its way out, or is static.
type extra struct {
	next *container // the others of several, and what ran before a restart
	*rare
}

// rare is what a pod has that is on its way out, or static.
type rare struct {
	mirror       string
	doubt, until int64
	node         *node // if doubt is not forever
}

// newPod makes a pod of a view. h says when it has its addresses.
func newPod(v *podView, h hold, cluster string, on *node, shared *shares) *pod {
	uid, isUUID := identity.ParseUID(v.uid)
	common := identity.Common{
		Cluster: cluster, Namespace: v.namespace, Workload: v.workload,
		ServiceName: v.serviceName, ServiceNamespace: v.serviceNamespace,
	}
	if !isUUID {
		common.OtherUID = strings.Clone(v.uid)
	}
	p := &pod{
		v4: as4(v.v4), v6: as16(v.v6),
		from: uint32(min(max(h.from/int64(time.Second), 0), math.MaxUint32)),
		sure: h.sure,
	}
	if len(v.containers) > 0 {
		p.container = hash(v.containers[0].id)
		if v.alone {
			common.Container = v.containers[0].name
		} else {
			p.first = shared.name(v.containers[0].name)
		}
	}
	p.Identity = identity.Identity{
		Kind: identity.KindPod, HostNetwork: v.hostNetwork, Pod: strings.Clone(v.name), PodUUID: uid,
		Common: shared.common(common), Place: on.place,
	}
	r := rare{mirror: v.mirror, doubt: h.doubt, until: h.until}
	if r.doubt != forever {
		r.node = on
	}
	p.extra = newExtra(newContainers(v.containers, shared), r)
	return p
}

// newExtra returns nil if there is nothing in it.
func newExtra(next *container, r rare) *extra {
	switch {
	case r.mirror != "" || r.doubt != forever || r.until != forever:
		return &extra{next: next, rare: &r}
	case next != nil:
		return &extra{next: next}
	}
	return nil
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
	switch {
	case p.from == 0 && p.sure > among: // nobody knows by which clock
		g.from, g.sure, r.doubt = 0, 0, 0
	case r.doubt == forever:
		r.doubt = p.sure
	}
	r.until, r.node = until, node
	g.extra = newExtra(p.others(), r)
	return &g
}

// in returns the pod on a node in another zone.
func (p *pod) in(place *identity.Place) *pod {
	z := *p
	z.Place = place
	z.extra = newExtra(p.others(), p.rarely())
	return &z
}

// is tells whether a UID is its own, or in the names of its cgroups.
func (p *pod) is(uid string) bool { return p.HasUID(uid) || p.rarely().mirror == uid }
