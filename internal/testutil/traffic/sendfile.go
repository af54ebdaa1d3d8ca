// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// sendfile sends the pages of a file.
type sendfile struct {
	plain
	file int
}

func newSendfile() (*sendfile, error) {
	file, err := unix.MemfdCreate("zeros", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create file: %w", err)
	}
	if err := unix.Ftruncate(file, chunk); err != nil {
		return nil, errors.Join(fmt.Errorf("fill file: %w", err), unix.Close(file))
	}
	return &sendfile{file: file}, nil
}

func (s *sendfile) send(fd, n int) (int, error) {
	var begin int64
	return unix.Sendfile(fd, s.file, &begin, n)
}

func (s *sendfile) Close() error { return unix.Close(s.file) }

// splice moves pages between the socket and a pipe in either direction.
type splice struct {
	out, in [2]int // pipes, the end to read from first
	loaded  int    // bytes in out
}

func newSplice() (*splice, error) {
	s := new(splice)
	if err := unix.Pipe2(s.out[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("create pipe: %w", err)
	}
	if err := unix.Pipe2(s.in[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("create pipe: %w", err), closeDescriptors(s.out[:]))
	}
	return s, nil
}

// send fills the pipe when it is empty and moves as much as the socket takes.
func (s *splice) send(fd, n int) (int, error) {
	if s.loaded == 0 {
		loaded, err := unix.Write(s.out[1], zeros[:n])
		if err != nil {
			return 0, fmt.Errorf("fill pipe: %w", err)
		}
		s.loaded = loaded
	}
	moved, err := unix.Splice(s.out[0], nil, fd, nil, min(n, s.loaded), unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
	if err != nil {
		return 0, err
	}
	s.loaded -= int(moved)
	return int(moved), nil
}

func (s *splice) receive(fd int, buffer []byte) (int, error) {
	moved, err := unix.Splice(fd, nil, s.in[1], nil, len(buffer), unix.SPLICE_F_NONBLOCK|unix.SPLICE_F_MOVE)
	if err != nil || moved == 0 {
		return 0, err
	}
	n, err := unix.Read(s.in[0], buffer[:moved])
	if err == nil && n < int(moved) {
		err = fmt.Errorf("empty pipe: %d bytes of %d", n, moved)
	}
	return n, err
}

func (s *splice) Close() error {
	return errors.Join(closeDescriptors(s.out[:]), closeDescriptors(s.in[:]))
}

func closeDescriptors(fds []int) error {
	var errs []error
	for _, fd := range fds {
		errs = append(errs, unix.Close(fd))
	}
	return errors.Join(errs...)
}
