// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// Hit are the calls that a fault is in: a server's are those to it, a client's those that
// it makes.
func (s Spec) Hit(of *shop.Shop) (edges []shop.Edge) {
	kind, _ := Find(s.Fault)
	service := s.Place.A
	if one, err := of.Pod(service); err == nil {
		service = one.Service
	}
	for _, edge := range of.Edges {
		var hit bool
		switch {
		case s.Place.Kind == Pair:
			hit = edge.From == s.Place.A && edge.To == s.Place.B
		case s.Place.between():
			hit = true // nearly all services speak across nodes and zones
		case kind.serve != nil:
			hit = edge.To == service
		case kind.ports > 0:
			hit = edge.From == service
		default:
			hit = edge.From == service || edge.To == service
		}
		if hit {
			edges = append(edges, edge)
		}
	}
	return edges
}

// Clients are the pods that make calls of a kind that a fault is in: a pod that calls is
// its own, and of one that is called all that may have met it.
func (s Spec) Clients(of *shop.Shop, edge shop.Edge) (names []string) {
	if one, err := of.Pod(s.Place.A); err == nil && one.Service == edge.From {
		return []string{one.Name}
	}
	for _, one := range of.PodsOf(edge.From) {
		names = append(names, one.Name)
	}
	return names
}

// OnPackets tells whether it is done to packets, which are counted.
func (s Spec) OnPackets() bool {
	kind, _ := Find(s.Fault)
	return kind.impair != nil || kind.match != ""
}

// Segments is how many with data the calls have each second that a fault is in.
func (s Spec) Segments(of *shop.Shop) float64 { return s.sum(of, of.Segments) }

// sum adds up what the calls have that a fault is in. A pod has its part of its service's.
func (s Spec) sum(of *shop.Shop, what func(shop.Edge) float64) (all float64) {
	for _, edge := range s.Hit(of) {
		all += what(edge)
	}
	if one, err := of.Pod(s.Place.A); err == nil {
		all /= float64(len(of.PodsOf(one.Service)))
	}
	return all
}

// Impact is which services a fault reaches, sorted: both ends of the calls that it is in,
// and all that wait for such a call. Others who call the same server do not.
func (s Spec) Impact(of *shop.Shop) (all []string) {
	for _, edge := range s.Hit(of) {
		all = append(all, edge.To)
		all = append(all, of.Impact(edge.From)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Ends are the names of the services at both ends of the calls that a fault is in, and of
// their pods. Between nodes or zones they are of one end alone: all that is in the node, or
// in the second zone, for each packet of the fault begins or ends there.
func (s Spec) Ends(of *shop.Shop) (names []string) {
	if s.Place.between() {
		return s.Place.inside(of)
	}
	for _, edge := range s.Hit(of) {
		for _, service := range []string{edge.From, edge.To} {
			names = append(names, service)
			for _, pod := range of.PodsOf(service) {
				names = append(names, pod.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// inside are the names of what is in a node, or in the second of two zones: the nodes, the
// pods, the services that have any there, and the zone that has nothing else.
func (p Place) inside(of *shop.Shop) (names []string) {
	in := func(n shop.Node) bool { return n.Name == p.A || p.Kind == ZonePair && n.Zone == p.B }
	for _, n := range of.Nodes {
		if !in(n) {
			continue
		}
		names = append(names, n.Name)
		if !slices.ContainsFunc(of.Nodes, func(other shop.Node) bool { return other.Zone == n.Zone && !in(other) }) {
			names = append(names, n.Zone)
		}
		for _, pod := range of.Pods {
			if pod.Node == n.Name {
				names = append(names, pod.Name, pod.Service)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Touched are the services whose own calls a fault may hit, with those that they call.
func (s Spec) Touched(of *shop.Shop) []string { return s.Place.direct(of) }

// Root is the place that a localiser is to name: what a client does wrong in its calls is
// the client's, all else is where it was done.
func (s Spec) Root() Place {
	if kind, err := Find(s.Fault); err == nil && kind.Class == Client && s.Place.Kind == Pair {
		return Place{Kind: Workload, A: s.Place.A}
	}
	return s.Place
}

// Alias is another name for a place: of two zones, one of which has a single node, that
// node is where all packets between them go, and no others. No observer can tell them apart.
func (p Place) Alias(of *shop.Shop) (other Place, ok bool) {
	zones := make(map[string][]string)
	for _, n := range of.Nodes {
		zones[n.Zone] = append(zones[n.Zone], n.Name)
	}
	if len(zones) != 2 || !p.between() {
		return other, false
	}
	pair := Place{Kind: ZonePair, A: of.Nodes[0].Zone, B: of.Nodes[len(of.Nodes)-1].Zone}
	for _, zone := range []string{pair.A, pair.B} {
		if len(zones[zone]) != 1 {
			continue
		}
		node := Place{Kind: Node, A: zones[zone][0]}
		if p == node {
			return pair, true
		}
		if p.Kind == ZonePair {
			return node, true
		}
	}
	return other, false
}
