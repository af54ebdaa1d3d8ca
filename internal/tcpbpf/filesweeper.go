// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"fmt"
	"time"

	"github.com/cilium/ebpf/link"
)

// A fileSweeper goes through all open files. While it has not met all records, it goes
// on to what no process holds, see unheldVisit.
type fileSweeper struct {
	files  *link.Iter
	hashed *link.Iter // nil if the kernel refuses it
	census census
	homes  map[uint64]*home
	walks  int // through namespaces, of the last visit
}

func newFileSweeper(o *objects, e *epoch) (_ *fileSweeper, err error) {
	s := &fileSweeper{census: census{records: o.Census, epoch: e}, homes: make(map[uint64]*home)}
	if s.files, err = link.AttachIter(link.IterOptions{Program: o.programs[ProgramSweepFiles]}); err != nil {
		return nil, fmt.Errorf("attach sweep of files: %w", err)
	}
	hashed := o.programs[ProgramSweepHashed]
	if hashed == nil {
		return s, nil
	}
	if s.hashed, err = link.AttachIter(link.IterOptions{Program: hashed}); err != nil {
		_ = s.files.Close()
		return nil, fmt.Errorf("attach sweep of sockets: %w", err)
	}
	return s, nil
}

func (s *fileSweeper) visit(ctx context.Context, l *losses) (longest time.Duration, err error) {
	if err := s.census.begin(ctx); err != nil {
		return 0, err
	}
	s.walks = 0
	v := unheldVisit{fileSweeper: s, losses: l, been: make(map[uint64]bool)}
	if err := v.iterate(s.files, -1); err != nil {
		return v.longest, err
	}
	if err := l.look(); err != nil || s.hashed == nil {
		return v.longest, err
	}
	if err := v.all(); err != nil {
		return v.longest, err
	}
	s.census.end(&l.progress)
	return v.longest, nil
}

// Close detaches.
func (s *fileSweeper) Close() error {
	if s.hashed == nil {
		return s.files.Close()
	}
	return closeAll([]*link.Iter{s.files, s.hashed})
}
