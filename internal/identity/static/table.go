// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A Table is what a file says. It is immutable once parsed.
type Table struct {
	addresses  map[netip.Addr]*identity.Identity
	services   map[netip.Addr][]offer
	cidrs      bart.Table[*identity.Identity]
	containers map[string]*identity.Identity
	processes  map[process]*identity.Identity
	entries    Entries
}

// Entries counts what a file has.
type Entries struct{ Workloads, Services int }

// An offer is a service at an address: all its ports if none are given.
type offer struct {
	ports    []uint16
	identity *identity.Identity
}

// A process is an executable's name, on one node or, if that is empty, on any.
type process struct{ node, name string }

// Local returns who the observed end is, or nil. What is told of fewer counts more:
// container, process on its node, process anywhere, address, CIDR from narrow to wide.
func (t *Table) Local(end identity.Local) *identity.Identity {
	if id, ok := t.containers[end.ContainerID]; ok {
		return id
	}
	if end.Process != "" && len(t.processes) > 0 {
		if id, ok := t.processes[process{end.HostName, end.Process}]; ok {
			return id
		}
		if id, ok := t.processes[process{"", end.Process}]; ok {
			return id
		}
	}
	if id, ok := t.addresses[end.Address]; ok {
		return id
	}
	return t.within(end.Address)
}

// Remote returns who has an address, or nil: workload, service, CIDR from narrow to
// wide. If the port is not known (0), an address of several services has none.
func (t *Table) Remote(address netip.Addr, port uint16) *identity.Identity {
	if id, ok := t.addresses[address]; ok {
		return id
	}
	if offers, ok := t.services[address]; ok {
		if id := choose(offers, port); id != nil {
			return id
		}
	}
	return t.within(address)
}

func (t *Table) within(address netip.Addr) *identity.Identity {
	id, _ := t.cidrs.Lookup(address)
	return id
}

// choose returns whose a port is. One that is not known (0) is a client's, who may be anybody on the service's
// host, unless the service has all ports.
func choose(offers []offer, port uint16) *identity.Identity {
	if port == 0 && len(offers) > 1 {
		return nil
	}
	var rest *identity.Identity
	for _, o := range offers {
		if slices.Contains(o.ports, port) {
			return o.identity
		}
		if len(o.ports) == 0 {
			rest = o.identity
		}
	}
	return rest
}
