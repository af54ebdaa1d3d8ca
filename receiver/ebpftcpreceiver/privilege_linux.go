// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package ebpftcpreceiver

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/capability"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
)

// dropSpare gives up the capabilities that no kernel side needs any more.
func dropSpare(kernels []kernel) (dropped []string, err error) {
	var spare []capability.Capability
	for i, k := range kernels {
		of := spareOf(k)
		if i == 0 {
			spare = of
		}
		spare = slices.DeleteFunc(spare, func(c capability.Capability) bool { return !slices.Contains(of, c) })
	}
	gone, err := capability.Drop(spare)
	for _, c := range gone {
		dropped = append(dropped, c.String())
	}
	return dropped, err
}

// spareOf is nothing of a kernel side that is not one. Translations go on to be followed
// in the network namespaces that were entered at start.
func spareOf(k kernel) []capability.Capability {
	if b, ok := k.(bpfKernel); ok {
		return b.Spare()
	}
	return nil
}

// readPrivileges tells which capabilities are held.
func readPrivileges() privileges {
	var all privileges
	for _, p := range tcpbpf.Privileges {
		all = append(all, privilege{name: p.Capability.String(), buys: p.Buys, held: p.Capability.Held()})
	}
	return all
}
