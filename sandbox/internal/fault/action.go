// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"slices"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// A Spec is a fault at a place.
type Spec struct {
	Fault string `json:"fault"`
	Place Place  `json:"place"`
	Seed  uint64 `json:"seed"`
}

// An Action is what has to be done for a fault.
type Action struct {
	Ways   []node.Way     // packets that it is about; none: it is not about packets
	Impair *impair.Config // nil: those that match are dropped
	Match  string
	Pods   []string // that misbehave
	Behave func(*pod.Behaviour)
	CPU    float64 // part that is left to these pods of the CPU time that they take; 0 is all
}

// Plan says how a fault is done.
func (s Spec) Plan(of *shop.Shop) (a Action, err error) {
	kind, err := Find(s.Fault)
	if err != nil {
		return a, err
	}
	if !slices.Contains(kind.Places, s.Place.Kind) {
		return a, fmt.Errorf("plan fault %s: it cannot be at a %s, only at %v", s.Fault, s.Place.Kind, kind.Places)
	}
	if kind.impair != nil || kind.match != "" {
		a.Match = kind.match
		if kind.impair != nil {
			config := *kind.impair
			config.Seed = s.Seed
			if kind.cap > 0 {
				if config.Rate, config.Queue = s.limit(of, kind.cap); config.Rate <= 0 {
					return a, fmt.Errorf("plan fault %s: nothing is asked for at %s, so there is nothing to limit", s.Fault, s.Place)
				}
			}
			a.Impair = &config
		}
		a.Ways, err = s.Place.ways(of, kind.oneWay)
		return a, err
	}
	pods, err := s.Place.pods(of)
	if err != nil {
		return a, err
	}
	for _, pod := range pods {
		a.Pods = append(a.Pods, pod.Name)
	}
	a.CPU = kind.cpu
	a.Behave = func(b *pod.Behaviour) { kind.behave(b, s.Place.B) }
	return a, nil
}

// limit is how much a link lets through, in bytes each second, and how many bytes wait for
// it. Nodes have a link each, for what they receive: with a part of an equal share of the
// place's demand at least one has not enough. The queue holds 5 s of that share, for which
// calls have given up before.
func (s Spec) limit(of *shop.Shop, part float64) (rate, queue float64) {
	const patience, smallest = 5, 256e3 // s, bytes
	rate = s.sum(of, of.Demand) / float64(len(of.Nodes))
	return part * rate, max(patience*rate, smallest)
}

func (k Kind) behave(b *pod.Behaviour, callee string) {
	if k.serve != nil {
		k.serve(&b.Serve)
	}
	if k.call != nil {
		if b.Calls == nil {
			b.Calls = make(map[string]pod.Call)
		}
		call := b.Calls[callee]
		k.call(&call)
		b.Calls[callee] = call
	}
	if k.ports > 0 {
		b.Ports = k.ports
	}
}
