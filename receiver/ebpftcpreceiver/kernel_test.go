// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"encoding/binary"
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A fakeKernel is a kernel side made of one function.
type fakeKernel func(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error)

func (k fakeKernel) Collect(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error) {
	return k(ctx, visit)
}

func (fakeKernel) Sweep(context.Context) error { return nil }

func (fakeKernel) Owner(id flow.OwnerID) flow.Owner {
	if id.PID() == 0 {
		return flow.Owner{ID: id}
	}
	return flow.Owner{ID: id, Executable: "curl", ContainerID: "c0ffee", PodUID: "0a0b0c0d"}
}

func (fakeKernel) Vitals() (vitals, error) { return vitals{}, nil }

func (fakeKernel) Hooks() []hook { return nil }

func (fakeKernel) Events() (eventReader, error) { return newFakeEvents(), nil }

func (fakeKernel) Whole() bool { return true }

func (fakeKernel) Close() error { return nil }

// quiet is a kernel without connections.
func quiet(context.Context, func(*flow.Delta)) (flow.Report, error) { return flow.Report{}, nil }

// The generated tests start what NewFactory makes.
func init() {
	openKernel = func(*Config) (kernel, error) { return fakeKernel(quiet), nil }
}

// clientKey is a flow from a client to the n-th of its servers.
func clientKey(pid, n uint32) flow.Key {
	var address [4]byte
	binary.BigEndian.PutUint32(address[:], 10<<24|n)
	return flow.Key{
		Owner:      flow.OwnerID{Program: pid, Start: 7},
		Local:      netip.MustParseAddr("192.168.100.101"),
		Remote:     netip.AddrFrom4(address),
		RemotePort: 443,
		Role:       flow.RoleClient,
	}
}
