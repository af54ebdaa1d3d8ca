// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

// A Hook is where in the kernel a job is done.
type Hook struct {
	Job    string
	Name   string // kind and event; empty if the job is not done
	Reason string // why at no better hook, or not at all; empty if there is no better one
	Lost   string // what the better one would tell, in words
	Never  string // what no hook shows on any kernel, in words
}

// Hooks returns where each job is done.
func (k *Kernel) Hooks() []Hook { return k.plan.hooks() }
