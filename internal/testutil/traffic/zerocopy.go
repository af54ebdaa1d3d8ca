// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/uring"
)

// zeroCopy sends from the application's pages. The kernel says in the socket's
// error queue when it is done with them; they are always the same here.
type zeroCopy struct{ plain }

func newZeroCopy(fd int) (zeroCopy, error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ZEROCOPY, 1); err != nil {
		return zeroCopy{}, fmt.Errorf("allow zero copy: %w", err)
	}
	return zeroCopy{}, nil
}

func (zeroCopy) send(fd, n int) (done int, err error) {
	for {
		done, err = unix.SendmsgN(fd, zeros[:n], nil, nil, unix.MSG_ZEROCOPY|unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.ENOBUFS) {
			return done, err
		}
		clearNotes(fd) // too many
	}
}

// clearNotes empties the error queue.
func clearNotes(fd int) {
	var note [64]byte
	for {
		if _, _, _, _, err := unix.Recvmsg(fd, nil, note[:], unix.MSG_ERRQUEUE); err != nil {
			return
		}
	}
}

// rings sends and receives through an io_uring each.
type rings struct {
	out, in *uring.Ring
	op      uring.Op
}

func newRings(op uring.Op) (*rings, error) {
	out, err := uring.New()
	if err != nil {
		return nil, err
	}
	in, err := uring.New()
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return &rings{out, in, op}, nil
}

func (r *rings) send(fd, n int) (int, error) { return r.out.Do(r.op, fd, zeros[:n]) }
func (r *rings) receive(fd int, buffer []byte) (int, error) {
	return r.in.Do(uring.Receive, fd, buffer)
}
func (r *rings) Close() error { return errors.Join(r.out.Close(), r.in.Close()) }
