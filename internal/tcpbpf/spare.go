// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/capability"
)

// A Privilege is a capability, and what it buys.
type Privilege struct {
	Capability capability.Capability
	Buys       string
}

// Privileges are those of the main job, and those that add something at start.
var Privileges = []Privilege{
	{capability.BPF, "the main job: loading programs"},
	{capability.Perfmon, "the main job: programs that read kernel memory"},
	{capability.NetAdmin, "the main job: attaching programs to the cgroup"},
	{capability.SysAdmin, "callbacks of older connections, and translations, in other network namespaces; a mount of cgroup v2 where there is none"},
	{capability.SysPtrace, "finding the network namespaces of other users' processes"},
	{capability.DACReadSearch, "finding network namespaces that only a closed folder names (/run/docker/netns)"},
}

// Spare returns the capabilities that the kernel side used to open and needs no more.
func (k *Kernel) Spare() []capability.Capability {
	if k.plan.sweepsNamespaces() {
		return nil
	}
	spare := []capability.Capability{capability.SysPtrace, capability.DACReadSearch}
	if capability.BPF.Held() && capability.Perfmon.Held() { // else it stands for them
		spare = append(spare, capability.SysAdmin)
	}
	return spare
}

// sweepsNamespaces reports whether each sweep goes from one network namespace to the next.
func (p plan) sweepsNamespaces() bool {
	return slices.ContainsFunc(jobs, func(j job) bool {
		i := p.choose(j)
		return j.name == "sweep" && i < len(j.ways) && slices.Contains(j.ways[i].needs, needNamespaces)
	})
}
