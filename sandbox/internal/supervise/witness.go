// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"errors"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// witness asks the clients of a fault's calls what they saw until it was to end. They are
// asked when it is over: who has no CPU cannot answer, and must not hold up its end. One
// that says nothing is no reason not to lift a fault, so that is only noted.
func (s *Supervisor) witness(one *Injection, until time.Time) *witness.Witness {
	w := &witness.Witness{}
	var errs []error
	heard := make(map[string]pod.Reply)
	ask := func(name string) pod.Reply {
		if _, there := heard[name]; !there {
			reply, err := s.machines.tellPod(name, pod.Command{Since: one.Start.Add(-witness.Before)})
			heard[name], errs = reply, append(errs, err)
		}
		return heard[name]
	}
	for _, edge := range one.Hit(s.Shop) {
		if edge.Style == shop.Push { // nobody waits for it
			continue
		}
		var calls []witness.Call
		for _, name := range one.Clients(s.Shop, edge) {
			calls = append(calls, ask(name).Calls[edge.To]...)
		}
		w.Sights = append(w.Sights, witness.See(edge.From+" → "+edge.To, calls, one.Start, until))
	}
	if err := errors.Join(errs...); err != nil {
		w.Silent = err.Error()
	}
	return w
}

// An Effect is whether a fault did anything, by its witnesses.
type Effect string

// Effects.
const (
	Unknown Effect = ""
	Some    Effect = "some"
	None    Effect = "none"
)

// Effect is told by what was done to packets, or else by who made the calls.
func (i *Injection) Effect() Effect {
	done := i.Stats.Dropped+i.Stats.Late+i.Stats.Twice > 0 || i.Stats.Delayed > 0
	switch {
	case i.OnPackets() && done, !i.OnPackets() && i.Witness != nil && i.Witness.Effect():
		return Some
	case i.OnPackets() || i.Witness != nil && i.Witness.Known():
		return None
	}
	return Unknown
}
