// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A kernel observes the connections of this host.
type kernel interface {
	// Collect sweeps the live sockets and calls visit with what each flow did
	// since the last call. A delta is valid only during its visit. If there is
	// an error, the deltas visited so far count, and the rest comes with the
	// next call but one.
	Collect(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error)
	// Owner returns what is known of the owner of a visited flow.
	Owner(flow.OwnerID) flow.Owner
	// Vitals returns what the kernel side says of itself.
	Vitals() (vitals, error)
	// Whole reports whether every connection of this host is observed.
	Whole() bool
	// Close ends the observation.
	Close() error
}

// openKernel opens the kernel side. Tests replace it: generated ones have no
// other way in, and must run without privileges.
var openKernel = openBPF
