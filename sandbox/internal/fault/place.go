// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"slices"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// A PlaceKind is what a place is; the words are those of tcp.problem.root_cause.kind.
type PlaceKind string

// Kinds of places.
const (
	Pair     PlaceKind = "pair"
	Pod      PlaceKind = "pod"
	Workload PlaceKind = "workload"
	Node     PlaceKind = "node"
	ZonePair PlaceKind = "zone_pair"
)

// A Place is where a fault is. B is the second of a pair, from client to server.
type Place struct {
	Kind PlaceKind `json:"kind"`
	A    string    `json:"a"`
	B    string    `json:"b,omitempty"`
}

// String returns it as a person writes it.
func (p Place) String() string {
	if p.B != "" {
		return fmt.Sprintf("%s %s → %s", p.Kind, p.A, p.B)
	}
	return fmt.Sprintf("%s %s", p.Kind, p.A)
}

// between tells whether it is between nodes.
func (p Place) between() bool { return p.Kind == Node || p.Kind == ZonePair }

// pods returns the pods that are at the place.
func (p Place) pods(s *shop.Shop) ([]shop.Pod, error) {
	switch p.Kind {
	case Pod:
		one, err := s.Pod(p.A)
		return []shop.Pod{one}, err
	case Workload, Pair:
		if _, err := s.Service(p.A); err != nil {
			return nil, err
		}
		return s.PodsOf(p.A), nil
	default:
		return nil, fmt.Errorf("find pods: a %s has none of its own", p.Kind)
	}
}

// ways returns how packets go through the place, both directions unless oneWay.
func (p Place) ways(s *shop.Shop, oneWay bool) ([]node.Way, error) {
	a, b, err := p.ends(s)
	if err != nil {
		return nil, err
	}
	ways := []node.Way{{From: a, To: b}}
	if !oneWay {
		ways = append(ways, node.Way{From: b, To: a})
	}
	return ways, nil
}

// ends are the addresses at both ends of the place.
func (p Place) ends(s *shop.Shop) (a, b []string, err error) {
	switch p.Kind {
	case Pair:
		if _, err := s.Edge(p.A, p.B); err != nil {
			return nil, nil, err
		}
		return addresses(s.PodsOf(p.A)), addresses(s.PodsOf(p.B)), nil
	case Pod, Workload:
		pods, err := p.pods(s)
		return addresses(pods), networks(s, func(shop.Node) bool { return true }), err
	case Node:
		if _, err := s.Node(p.A); err != nil {
			return nil, nil, err
		}
		return networks(s, func(n shop.Node) bool { return n.Name == p.A }),
			networks(s, func(n shop.Node) bool { return n.Name != p.A }), nil
	case ZonePair:
		a, b = networks(s, func(n shop.Node) bool { return n.Zone == p.A }), networks(s, func(n shop.Node) bool { return n.Zone == p.B })
		if len(a) == 0 || len(b) == 0 {
			return nil, nil, fmt.Errorf("find zones: %q and %q are not both there", p.A, p.B)
		}
		return a, b, nil
	default:
		return nil, nil, fmt.Errorf("find ends: there is no place of kind %q", p.Kind)
	}
}

func addresses(pods []shop.Pod) (all []string) {
	for _, pod := range pods {
		all = append(all, pod.Address.String())
	}
	return all
}

func networks(s *shop.Shop, want func(shop.Node) bool) (all []string) {
	for _, n := range s.Nodes {
		if want(n) {
			all = append(all, n.Pods.String())
		}
	}
	return all
}

// direct are the services whose calls a fault at the place hits.
func (p Place) direct(s *shop.Shop) []string {
	switch p.Kind {
	case Pair:
		return []string{p.A, p.B}
	case Workload:
		return s.Neighbours(p.A)
	case Pod:
		one, _ := s.Pod(p.A)
		return s.Neighbours(one.Service)
	default: // nearly everybody speaks across nodes and zones
		var all []string
		for _, service := range s.Services {
			all = append(all, service.Name)
		}
		return slices.Clip(all)
	}
}
