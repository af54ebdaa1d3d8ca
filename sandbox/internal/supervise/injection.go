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
	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// An Injection is a fault that was injected.
type Injection struct {
	ID uint16 `json:"id"`
	fault.Spec
	Start  time.Time    `json:"start"`            // when it was asked for
	End    time.Time    `json:"end,omitzero"`     // zero while it is there, and if it never was
	Failed string       `json:"failed,omitempty"` // why it did not begin
	Stats  impair.Stats `json:"stats"`            // of packets

	// Witness is what the clients of the calls saw that it was in; none before it has ended.
	Witness *witness.Witness `json:"witness,omitempty"`

	action fault.Action
	lifted bool // it is not to be there, though something may be left of it
	gone   bool // nothing is left of it
}

// A State is what has become of an injection.
type State string

// States of injections.
const (
	Active State = "active"
	Ended  State = "ended"
	Failed State = "failed" // it did not begin
)

// State is what has become of it.
func (i *Injection) State() State {
	switch {
	case i.Failed != "":
		return Failed
	case i.End.IsZero():
		return Active
	default:
		return Ended
	}
}

// Active tells whether it is there.
func (i *Injection) Active() bool { return i.State() == Active }

var errDown = errors.New("the shop is going down")

// Inject begins a fault. One that does not begin everywhere is taken away again, and stays
// in the history.
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
	one := &Injection{ID: uint16(len(s.faults) + 1), Spec: spec, Start: time.Now(), action: action}
	s.faults = append(s.faults, one)
	if err := s.begin(one); err != nil {
		err = fmt.Errorf("inject %s: %w", spec.Fault, err)
		one.Failed = err.Error()
		return *one, errors.Join(err, s.takeAway(one), s.folder.write(historyFile, s.faults))
	}
	return *one, s.folder.write(historyFile, s.faults)
}

func (s *Supervisor) begin(one *Injection) error {
	if len(one.action.Ways) == 0 {
		return s.behave(one.action.Pods)
	}
	for _, at := range s.Shop.Nodes {
		c := node.Command{Add: &node.Fault{
			ID: one.ID, Ways: one.action.Ways, Match: one.action.Match, Impair: one.action.Impair,
		}}
		if one.action.Impair != nil {
			truth, err := filepath.Abs(s.folder.file(truthFile(one.ID, at.Name)))
			if err != nil {
				return err
			}
			c.Add.Truth = truth
			// Nodes see packets of their own, and so have random numbers of their own.
			own := *one.action.Impair
			own.Seed ^= uint64(at.Name[len(at.Name)-1])
			c.Add.Impair = &own
		}
		if _, err := s.machines.tellNode(at.Name, c); err != nil {
			return err
		}
	}
	return nil
}

// behave tells pods how to behave, by all faults that are there. It tells all of them,
// whatever one of them says.
func (s *Supervisor) behave(pods []string) error {
	var errs []error
	for _, name := range pods {
		var b pod.Behaviour
		cpu := 0.
		for _, one := range s.faults {
			if !one.lifted && slices.Contains(one.action.Pods, name) {
				one.action.Behave(&b)
				cpu = max(cpu, one.action.CPU)
			}
		}
		errs = append(errs, s.become(name, &b, cpu))
	}
	return errors.Join(errs...)
}

// become tells a pod how to behave while it has the CPU to listen.
func (s *Supervisor) become(name string, b *pod.Behaviour, cpu float64) (err error) {
	if cpu == 0 {
		err = s.machines.limitCPU(name, 0)
	}
	_, told := s.machines.tellPod(name, pod.Command{Behaviour: b})
	if cpu > 0 {
		err = s.machines.limitCPU(name, cpu)
	}
	return errors.Join(told, err)
}

// Lift ends a fault. If it cannot be ended everywhere it is still there, and can be lifted
// once more.
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
	if one.gone {
		return *one, nil
	}
	asked := time.Now()
	if err := s.takeAway(one); err != nil {
		return *one, fmt.Errorf("lift %s: %w", one.Fault, err)
	}
	if one.Failed == "" {
		one.End = time.Now()
		one.Witness = s.witness(one, asked)
	}
	return *one, s.folder.write(historyFile, s.faults)
}

// takeAway has all that do a fault do it no more. Each of them is told, whatever another
// says. What one has done is told once, when it stops.
func (s *Supervisor) takeAway(one *Injection) error {
	one.lifted = true
	var errs []error
	if len(one.action.Ways) == 0 {
		errs = append(errs, s.behave(one.action.Pods))
	} else {
		for _, at := range s.Shop.Nodes {
			reply, err := s.machines.tellNode(at.Name, node.Command{Remove: one.ID})
			one.Stats = one.Stats.Add(reply.Stats[one.ID])
			errs = append(errs, err)
		}
	}
	err := errors.Join(errs...)
	one.gone = err == nil
	return err
}

// History tells of all faults that there were, also with an error: then what is known of
// packets is not all, as when the shop is down.
func (s *Supervisor) History() ([]Injection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := make(map[uint16]impair.Stats)
	var errs []error
	if s.closing {
		errs = append(errs, errDown)
	} else {
		for _, at := range s.Shop.Nodes {
			reply, err := s.machines.tellNode(at.Name, node.Command{})
			for id, one := range reply.Stats {
				stats[id] = stats[id].Add(one)
			}
			errs = append(errs, err)
		}
	}
	var all []Injection
	for _, one := range s.faults {
		copied := *one
		if !one.gone {
			copied.Stats = one.Stats.Add(stats[one.ID])
		}
		all = append(all, copied)
	}
	return all, errors.Join(errs...)
}
