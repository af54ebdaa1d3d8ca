// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"maps"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A node is what pods on it share. It is made when a pod or the node itself is seen.
type node struct {
	place *identity.Place // the writer's

	// waiting are pods that have no address yet, by UID, with since when they may have
	// got one that nobody was told of (ns since 1970). The writer's.
	waiting map[string]int64
	// earliest of waiting, or forever.
	earliest atomic.Int64
}

func newNode(name string) *node {
	n := &node{place: &identity.Place{Node: name}, waiting: map[string]int64{}}
	n.earliest.Store(forever)
	return n
}

// wait notes that a pod has no address yet; done, that it has one or is gone.
func (n *node) wait(uid string, since int64) {
	n.waiting[uid] = since
	n.count()
}

func (n *node) done(uid string) {
	if _, ok := n.waiting[uid]; ok {
		delete(n.waiting, uid)
		n.count()
	}
}

func (n *node) count() {
	earliest := int64(forever)
	for _, since := range n.waiting {
		earliest = min(earliest, since)
	}
	n.earliest.Store(earliest)
}

// nodeNames are identities by the node's name, for processes outside of containers.
type nodeNames map[string]*identity.Identity

// putNode adds or changes a node that is seen at a time, and tells whether it is in
// another zone than its pods know.
func (s *Store) putNode(n *corev1.Node, seen int64) (rezone bool) {
	on := s.nodeOf(n.Name)
	name := on.place.Node
	if zone := zoneOf(n); zone != on.place.Zone {
		rezone, on.place = true, &identity.Place{Node: name, Zone: zone}
	}
	id := &identity.Identity{Kind: identity.KindNode, Common: s.shared.common(identity.Common{Cluster: s.cluster}), Place: on.place}
	if old := s.named[name]; old == nil || !old.Equal(id) {
		s.named[name] = id
	}
	s.nodes.put(name, claimsOfNode(n, s.named[name], seen), seen+int64(s.grace))
	return rezone
}

// deleteNode keeps a node's addresses for the grace period.
func (s *Store) deleteNode(name string, seen int64) {
	s.nodes.put(name, nil, seen+int64(s.grace))
	delete(s.named, name)
	if n := s.onNode[name]; n != nil && len(n.waiting) == 0 {
		delete(s.onNode, name)
	}
}

// publishNodes shows readers the nodes as they are.
func (s *Store) publishNodes(rezone bool) {
	s.nodes.publish()
	if !maps.Equal(*s.nodeNames.Load(), s.named) {
		names := maps.Clone(s.named)
		s.nodeNames.Store(&names)
	}
	if rezone {
		s.rezone()
	}
}
