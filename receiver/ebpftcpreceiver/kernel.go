// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A kernel observes the connections of this host.
type kernel interface {
	// Collect sweeps the live sockets and calls visit with what each flow did
	// since the last call. A delta is valid only during its visit. If there is
	// an error, the deltas visited so far count, and the rest comes with the
	// next call but one.
	Collect(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error)
	// Sweep is the part of Collect that looks at live sockets. Between two looks may lie
	// maxInterval, widened as far as it may be, or times are wrong.
	Sweep(ctx context.Context) error
	// Owner returns what is known of the owner of a visited flow.
	Owner(flow.OwnerID) flow.Owner
	// Vitals returns what the kernel side says of itself.
	Vitals() (vitals, error)
	// Hooks returns where each job is done.
	Hooks() []hook
	// Events begins to read what happens to single connections.
	Events() (eventReader, error)
	// Whole reports whether every connection of this host is observed.
	Whole() bool
	// Close ends the observation.
	Close() error
}

// An eventReader reads events, as they come. One goroutine calls Read.
type eventReader interface {
	// Read returns the next event. Its error is os.ErrDeadlineExceeded if none
	// comes in time; after Flush it is io.EOF when there are no more.
	Read(deadline time.Time) (flow.Event, error)
	// Flush lets Read return what there is and then end.
	Flush() error
	// Drops returns how many events Read did not return since the kernel side
	// was opened.
	Drops() (flow.EventDrops, error)
	// Close ends reading, before the kernel side is closed.
	Close() error
}

// openKernel opens the kernel side. Tests replace it: generated ones have no
// other way in, and must run without privileges.
var openKernel = openBPF
