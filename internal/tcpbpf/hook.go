// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import "slices"

// A Hook is where in the kernel a job is done.
type Hook struct {
	Job    string
	Name   string // kind and event; empty if the job is not done
	Reason string // why at no better hook, or not at all; empty if there is no better one
}

// jobs are those of each program. A client's process is told by its connect, else by
// the callback.
var jobs = map[string][]Hook{
	ProgramConnect4: {{Job: "client_owner_ipv4", Name: "cgroup/connect4"}},
	ProgramConnect6: {{Job: "client_owner_ipv6", Name: "cgroup/connect6"}},
	ProgramSockOps: {
		{Job: "client_owner_otherwise", Name: "sock_ops/TCP_CONNECT_CB"},
		{Job: "listener_owner", Name: "sock_ops/TCP_LISTEN_CB"},
		{Job: "client_open", Name: "sock_ops/ACTIVE_ESTABLISHED_CB"},
		{Job: "server_open", Name: "sock_ops/PASSIVE_ESTABLISHED_CB"},
		{Job: "round_trip", Name: "sock_ops/RTT_CB"},
		{Job: "retransmission", Name: "sock_ops/RETRANS_CB"},
		{Job: "close", Name: "sock_ops/STATE_CB"},
	},
	ProgramDestroy: {{Job: "missed_close", Name: "tp_btf/tcp_destroy_sock"}},
	ProgramSweep:   {{Job: "sweep", Name: "iter/bpf_sk_storage_map"}},
	ProgramFind:    {{Job: "find_older", Name: "iter/task_file"}},
	// Finds those that no process holds, too.
	ProgramCallbacks: {{Job: "older_callbacks", Name: "iter/tcp"}},
}

// Hooks returns where each job is done.
func (k *Kernel) Hooks() []Hook { return slices.Clone(k.hooks) }

// hook notes that programs run at their hooks.
func (k *Kernel) hook(programs ...string) {
	for _, p := range programs {
		k.hooks = append(k.hooks, jobs[p]...)
	}
}
