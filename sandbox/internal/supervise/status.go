// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"errors"
	"os"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/world"
)

// A Status is what a shop is doing.
type Status struct {
	PID        int         `json:"pid"`
	Identities string      `json:"identities"`
	Missing    string      `json:"missing,omitempty"`  // what this machine lacks for some faults
	Verdicts   string      `json:"verdicts,omitempty"` // file of what a collector says about it; none: nobody watches
	Pods       []PodStatus `json:"pods"`
}

// A PodStatus is what a pod has done so far.
type PodStatus struct {
	shop.Pod
	PID   int                    `json:"pid"`
	Error string                 `json:"error,omitempty"`
	Calls map[string]pod.Counter `json:"calls"` // by service; what it served is under ""
}

// Probe tells whether these faults can be done on this machine: whether packets can be
// impaired, and CPUs be given in shares.
func (s *Supervisor) Probe(specs []fault.Spec) error {
	cpu, packets := false, make(map[bool]*impair.Config) // chosen by the kernel, or not
	for _, spec := range specs {
		action, err := spec.Plan(s.Shop)
		if err != nil {
			return err
		}
		cpu = cpu || action.CPU > 0
		if action.Impair != nil {
			packets[action.Impair.Chosen()] = action.Impair
		}
	}
	var errs []error
	for _, config := range packets {
		_, err := s.machines.tellNode(s.Shop.Nodes[0].Name, node.Command{Probe: config})
		errs = append(errs, err)
	}
	if cpu {
		errs = append(errs, s.machines.canLimitCPU())
	}
	return errors.Join(errs...)
}

// Sound tells whether every pod answers still.
func (s *Supervisor) Sound() error {
	status, err := s.Status()
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range status.Pods {
		if p.Error != "" {
			errs = append(errs, errors.New(p.Error))
		}
	}
	return errors.Join(errs...)
}

// PIDs are the numbers of all processes, pods' and nodes'.
func (s *Supervisor) PIDs() (all []int) {
	for _, processes := range []map[string]*world.Process{s.world.Pods, s.world.Nodes} {
		for _, p := range processes {
			all = append(all, p.PID())
		}
	}
	return all
}

// Status asks each pod.
func (s *Supervisor) Status() (Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return Status{}, errDown
	}
	status := Status{PID: os.Getpid(), Identities: s.Identities(), Verdicts: s.verdicts}
	if err := s.machines.canLimitCPU(); err != nil {
		status.Missing = err.Error()
	}
	for _, p := range s.Shop.Pods {
		one := PodStatus{Pod: p, PID: s.machines.pid(p.Name)}
		reply, err := s.machines.tellPod(p.Name, pod.Command{})
		if err != nil {
			one.Error = err.Error()
		}
		one.Calls = reply.Counters
		status.Pods = append(status.Pods, one)
	}
	return status, nil
}
