// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/cilium/ebpf/link"
)

// iterate runs an iterator over all of its objects. A read that returns output
// ends one stretch under the RCU read lock, so the buffer is as small as a
// record. EAGAIN ends a stretch without output: the kernel has visited a million
// objects and goes on where it was.
func iterate(it *link.Iter) (stretches, error) { return iterateFor(it, -1) }

// iterateFor ends after so many outputs, if there are as many.
func iterateFor(it *link.Iter, outputs int) (s stretches, err error) {
	r, err := it.Open()
	if err != nil {
		return s, fmt.Errorf("open iterator: %w", err)
	}
	defer r.Close()
	var record [8]byte
	for outputs != 0 {
		begin := time.Now()
		_, err := r.Read(record[:])
		s.n++
		s.longest = max(s.longest, time.Since(begin))
		switch {
		case errors.Is(err, io.EOF):
			return s, nil
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		case err != nil:
			return s, fmt.Errorf("read iterator: %w", err)
		default:
			outputs--
		}
	}
	return s, nil
}

// stretches are the parts of an iterator's way.
type stretches struct {
	n       int
	longest time.Duration
}
