// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A node is what pods on it share. It is made when a pod or the node itself is seen.
type node struct {
	place *identity.Place // the writer's

	waiting // on this node

	// cidrs are those that the node has for its pods: nobody else's pod gets an address of them.
	cidrs atomic.Pointer[[]netip.Prefix]
}

func newNode(name string) *node {
	n := &node{place: &identity.Place{Node: name}}
	n.init()
	n.cidrs.Store(new([]netip.Prefix))
	return n
}

// owns tells whether only pods on the node can have an address.
func (n *node) owns(address netip.Addr) bool {
	return slices.ContainsFunc(*n.cidrs.Load(), func(p netip.Prefix) bool { return p.Contains(address) })
}

// cidrsOf are those that a node has for its pods, if the cluster deals them out by node.
func cidrsOf(n *corev1.Node) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range append(n.Spec.PodCIDRs, n.Spec.PodCIDR) {
		if p, err := netip.ParsePrefix(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// nodeNames are identities by the node's name, for processes outside of containers.
type nodeNames map[string]*identity.Identity

// putNode adds or changes a node that is seen at a moment, and tells whether it is in
// another zone than its pods know.
func (s *Store) putNode(n *corev1.Node, seen moment) (rezone bool) {
	on := s.nodeOf(n.Name)
	name := on.place.Node
	if cidrs := cidrsOf(n); !slices.Equal(cidrs, *on.cidrs.Load()) {
		on.cidrs.Store(&cidrs)
	}
	if zone := zoneOf(n); zone != on.place.Zone {
		rezone, on.place = true, &identity.Place{Node: name, Zone: zone}
	}
	id := &identity.Identity{Kind: identity.KindNode, Common: s.shared.common(identity.Common{Cluster: s.cluster}), Place: on.place}
	if old := s.named[name]; old == nil || !old.Equal(id) {
		s.named[name] = id
	}
	s.nodes.put(name, claimsOfNode(n, s.named[name], seen), seen)
	return rezone
}

// deleteNode keeps a node's addresses for the grace period, and what its pods share until
// they are forgotten: they may be deleted after it.
func (s *Store) deleteNode(name string, seen moment) {
	s.nodes.end(name, seen)
	delete(s.named, name)
}

// forgetNodes drops nodes that are not, of which no pod is known. While no node is
// missing it does nothing.
func (s *Store) forgetNodes() {
	if len(s.onNode) <= len(s.named) {
		return
	}
	used := map[string]bool{}
	note := func(p *pod) { used[p.Node] = true }
	s.uids.each(note)
	for _, p := range s.left {
		note(p)
	}
	for name, n := range s.onNode {
		if s.named[name] == nil && !used[name] && len(n.since) == 0 {
			delete(s.onNode, name)
		}
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
