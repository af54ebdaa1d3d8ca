// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"io"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/tcpwhy/tcpwhy/internal/namespace"
)

// maxRounds bounds a sweep on a machine on which connections begin all the time.
const maxRounds = 4

// A sweeper visits each socket that has a record.
type sweeper interface {
	// visit visits them, and lets losses look at the progress. It returns the longest
	// time from one output of an iterator to the next.
	visit(*losses) (longest time.Duration, err error)
	io.Closer
}

func newSweeper(o *objects) (sweeper, error) {
	if p := o.programs[ProgramSweep]; p != nil {
		it, err := link.AttachIter(link.IterOptions{Program: p, Map: o.Conns})
		if err != nil {
			return nil, fmt.Errorf("attach sweep: %w", err)
		}
		return recordSweeper{it}, nil
	}
	return newFileSweeper(o.programs[ProgramSweepFiles], o.programs[ProgramSweepHashed])
}

// A recordSweeper goes from record to record, of all network namespaces.
type recordSweeper struct{ *link.Iter }

// A visit that was interrupted has passed over as many sockets as were closed meanwhile,
// so it is repeated until it finds no other. One that it knows costs it little.
func (s recordSweeper) visit(l *losses) (longest time.Duration, err error) {
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

// A fileSweeper goes through all open files, and then through the hash tables of each
// network namespace that can be entered, for what no process holds.
type fileSweeper struct {
	files  *link.Iter
	hashed *link.Iter // nil if the kernel refuses it
}

func newFileSweeper(files, hashed *ebpf.Program) (s fileSweeper, err error) {
	if s.files, err = link.AttachIter(link.IterOptions{Program: files}); err != nil {
		return s, fmt.Errorf("attach sweep of files: %w", err)
	}
	if hashed == nil {
		return s, nil
	}
	if s.hashed, err = link.AttachIter(link.IterOptions{Program: hashed}); err != nil {
		_ = s.files.Close()
		return s, fmt.Errorf("attach sweep of sockets: %w", err)
	}
	return s, nil
}

func (s fileSweeper) visit(l *losses) (longest time.Duration, err error) {
	visit := func(it *link.Iter) error {
		s, err := iterate(it)
		longest = max(longest, s.longest)
		return err
	}
	if err := visit(s.files); err != nil {
		return longest, err
	}
	if err := l.look(); err != nil || s.hashed == nil {
		return longest, err
	}
	_, err = namespace.Each(namespace.OfThreads, namespace.Everything, func(uint64) error { return visit(s.hashed) })
	if err != nil {
		return longest, err
	}
	return longest, l.look() // who was deferred was met again
}

// Close detaches.
func (s fileSweeper) Close() error {
	if s.hashed == nil {
		return s.files.Close()
	}
	return closeAll([]*link.Iter{s.files, s.hashed})
}
