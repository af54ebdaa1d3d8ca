// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/cilium/ebpf/link"
)

// maxRounds bounds a sweep on a machine on which connections begin all the time.
const maxRounds = 4

// A sweeper visits each socket that has a record.
type sweeper interface {
	// visit visits them, and lets losses look at the progress. It returns the longest
	// time from one output of an iterator to the next.
	visit(context.Context, *losses) (longest time.Duration, err error)
	io.Closer
}

func newSweeper(o *objects, e *epoch) (sweeper, error) {
	if p := o.programs[ProgramSweep]; p != nil {
		it, err := link.AttachIter(link.IterOptions{Program: p, Map: o.Conns})
		if err != nil {
			return nil, fmt.Errorf("attach sweep: %w", err)
		}
		return recordSweeper{it}, nil
	}
	return newFileSweeper(o, e)
}

// A recordSweeper goes from record to record, of all network namespaces.
type recordSweeper struct{ *link.Iter }

// A visit that was interrupted has passed over as many sockets as were closed meanwhile,
// so it is repeated until it finds no other. One that it knows costs it little.
func (s recordSweeper) visit(_ context.Context, l *losses) (longest time.Duration, err error) {
	for found, round := uint64(0), 0; round < maxRounds; round++ {
		s, err := iterate(s.Iter)
		if err != nil {
			return longest, err
		}
		longest = max(longest, s.longest)
		if err := l.look(); err != nil {
			return longest, err
		}
		if s.n == 1 || round > 0 && l.progress.Open == found {
			break
		}
		found = l.progress.Open
	}
	return longest, nil
}
