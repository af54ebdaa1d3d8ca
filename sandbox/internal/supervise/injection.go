// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
)

// An Injection is a fault that was injected.
type Injection struct {
	ID uint16 `json:"id"`
	fault.Spec
	Start time.Time    `json:"start"`
	End   time.Time    `json:"end,omitzero"` // zero while it is there
	Stats impair.Stats `json:"stats"`        // of packets

	action fault.Action
}

// Active tells whether it is there.
func (i *Injection) Active() bool { return i.End.IsZero() }

var errDown = errors.New("the shop is going down")

// Inject begins a fault.
func (s *Supervisor) Inject(spec fault.Spec) (Injection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return Injection{}, errDown
	}
	action, err := spec.Plan(s.Shop)
	if err != nil {
		return Injection{}, err
	}
	one := &Injection{ID: uint16(len(s.faults) + 1), Spec: spec, action: action}
	s.faults = append(s.faults, one)
	if err := s.begin(one); err != nil {
		err = errors.Join(err, s.end(one))
		one.End = time.Now()
		return *one, fmt.Errorf("inject %s: %w", spec.Fault, err)
	}
	one.Start = time.Now()
	return *one, s.folder.write(historyFile, s.faults)
}

func (s *Supervisor) begin(one *Injection) error {
	if len(one.action.Ways) == 0 {
		return s.behave(one.action.Pods)
	}
	for name := range s.world.Nodes {
		c := node.Command{Add: &node.Fault{
			ID: one.ID, Ways: one.action.Ways, Match: one.action.Match, Impair: one.action.Impair,
		}}
		if one.action.Impair != nil {
			truth, err := filepath.Abs(s.folder.file(fmt.Sprintf("truth-%d-%s.csv", one.ID, name)))
			if err != nil {
				return err
			}
			c.Add.Truth = truth
			// Nodes see packets of their own, and so have random numbers of their own.
			own := *one.action.Impair
			own.Seed ^= uint64(name[len(name)-1])
			c.Add.Impair = &own
		}
		if _, err := s.tellNode(name, c); err != nil {
			return err
		}
	}
	return nil
}

// behave tells pods how to behave, by all faults that are there.
func (s *Supervisor) behave(pods []string) error {
	for _, name := range pods {
		var b pod.Behaviour
		cpu := 0.
		for _, one := range s.faults {
			if one.Active() && slices.Contains(one.action.Pods, name) {
				one.action.Behave(&b)
				cpu = max(cpu, one.action.CPU)
			}
		}
		if _, err := s.tellPod(name, pod.Command{Behaviour: &b}); err != nil {
			return err
		}
		if err := s.world.LimitCPU(name, cpu); err != nil {
			return err
		}
	}
	return nil
}

// Lift ends a fault.
func (s *Supervisor) Lift(id uint16) (Injection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return Injection{}, errDown
	}
	if id == 0 || int(id) > len(s.faults) {
		return Injection{}, fmt.Errorf("lift fault: there is no number %d, the last one is %d", id, len(s.faults))
	}
	one := s.faults[id-1]
	if !one.Active() {
		return *one, nil
	}
	one.End = time.Now()
	if err := s.end(one); err != nil {
		return *one, fmt.Errorf("lift %s: %w", one.Fault, err)
	}
	return *one, s.folder.write(historyFile, s.faults)
}

func (s *Supervisor) end(one *Injection) error {
	if len(one.action.Ways) == 0 {
		return s.behave(one.action.Pods)
	}
	one.Stats = impair.Stats{}
	for name := range s.world.Nodes {
		reply, err := s.tellNode(name, node.Command{Remove: one.ID})
		if err != nil {
			return err
		}
		one.Stats = one.Stats.Add(reply.Stats[one.ID])
	}
	return nil
}

// History tells of all faults that there were.
func (s *Supervisor) History() ([]Injection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, errDown
	}
	stats := make(map[uint16]impair.Stats)
	for name := range s.world.Nodes {
		reply, err := s.tellNode(name, node.Command{})
		if err != nil {
			return nil, err
		}
		for id, one := range reply.Stats {
			stats[id] = stats[id].Add(one)
		}
	}
	var all []Injection
	for _, one := range s.faults {
		copied := *one
		if one.Active() {
			copied.Stats = stats[one.ID]
		}
		all = append(all, copied)
	}
	return all, nil
}
