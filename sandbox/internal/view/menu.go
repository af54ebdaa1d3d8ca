// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// A menu leads to a fault in steps: service, class, fault, where. What was chosen decides
// what can be chosen next.
type menu struct {
	shop   *shop.Shop
	chosen []string
	cursor int
}

// steps are what is asked for, in order.
var steps = []string{"service", "class of fault", "fault", "where"}

// options are what can be chosen now.
func (m *menu) options() (all []string) {
	switch len(m.chosen) {
	case 0:
		for _, service := range m.shop.Services {
			all = append(all, service.Name)
		}
	case 1:
		for _, kind := range fault.Kinds() {
			if len(m.places(kind)) > 0 && !slices.Contains(all, kind.Class) {
				all = append(all, kind.Class)
			}
		}
	case 2:
		for _, kind := range fault.Kinds() {
			if kind.Class == m.chosen[1] && len(m.places(kind)) > 0 {
				all = append(all, kind.Name)
			}
		}
	case 3:
		kind, _ := fault.Find(m.chosen[2])
		for _, place := range m.places(kind) {
			all = append(all, label(place))
		}
	}
	return all
}

// label says where a fault would be: at one or all instances of the service, or beyond it.
func label(p fault.Place) string {
	switch p.Kind {
	case fault.Workload:
		return "all instances"
	case fault.Pod:
		return "instance " + p.A
	default:
		return p.String()
	}
}

// places are those of the chosen service at which a fault can be: all its instances, one,
// what it says to one of those that it calls, or all that crosses a node's or zone's border.
func (m *menu) places(kind fault.Kind) (all []fault.Place) {
	service := m.chosen[0]
	for _, at := range kind.Places {
		switch at {
		case fault.Workload:
			all = append(all, fault.Place{Kind: at, A: service})
		case fault.Pod:
			for _, pod := range m.shop.PodsOf(service) {
				all = append(all, fault.Place{Kind: at, A: pod.Name})
			}
		case fault.Pair:
			for _, edge := range m.shop.Edges {
				if edge.From == service {
					all = append(all, fault.Place{Kind: at, A: service, B: edge.To})
				}
			}
		case fault.Node:
			for _, pod := range m.shop.PodsOf(service) {
				if place := (fault.Place{Kind: at, A: pod.Node}); !slices.Contains(all, place) {
					all = append(all, place)
				}
			}
		case fault.ZonePair:
			all = append(all, fault.Place{Kind: at, A: m.shop.Nodes[0].Zone, B: m.shop.Nodes[len(m.shop.Nodes)-1].Zone})
		}
	}
	return all
}

// move goes up or down.
func (m *menu) move(by int) { m.cursor = max(0, min(len(m.options())-1, m.cursor+by)) }

// back takes the last choice back.
func (m *menu) back() {
	if len(m.chosen) > 0 {
		m.chosen, m.cursor = m.chosen[:len(m.chosen)-1], 0
	}
}

// choose takes what the cursor is at. It returns a fault when all is chosen, and begins
// anew then.
func (m *menu) choose() (spec fault.Spec, done bool) {
	at := m.cursor
	if len(m.chosen) < len(steps)-1 {
		m.chosen, m.cursor = append(m.chosen, m.options()[at]), 0
		return spec, false
	}
	kind, err := fault.Find(m.chosen[2])
	if err != nil {
		return spec, false
	}
	spec = fault.Spec{Fault: kind.Name, Place: m.places(kind)[at], Seed: 1}
	m.chosen, m.cursor = nil, 0
	return spec, true
}
