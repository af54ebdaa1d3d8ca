// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

// A container is one of several of a pod, in a list that is immutable.
type container struct {
	id   uint64  // hash
	name *string // shared
	next *container
}

// newContainers returns all but the first.
func newContainers(views []containerView, shared *shares) (list *container) {
	for i := len(views) - 1; i > 0; i-- {
		list = &container{hash(views[i].id), shared.name(views[i].name), list}
	}
	return list
}

// others returns its containers but the first.
func (p *pod) others() *container {
	if p.extra == nil {
		return nil
	}
	return p.next
}

// nameOf returns the name of a container, or "" if its identity tells it.
func (p *pod) nameOf(container uint64) string {
	if p.first != nil && p.container == container {
		return *p.first
	}
	for c := p.others(); c != nil; c = c.next {
		if c.id == container {
			return *c.name
		}
	}
	return ""
}
