// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/uring"
)

// A Way is how an application hands bytes to the kernel and takes them.
type Way string

// Ways. Those that only send receive by read.
const (
	Plain         Way = ""
	Sendfile      Way = "sendfile"
	Splice        Way = "splice"       // from a pipe, and into one
	ZeroCopy      Way = "MSG_ZEROCOPY" // the kernel sends from the application's pages
	Uring         Way = "io_uring"
	UringZeroCopy Way = "io_uring IORING_OP_SEND_ZC"
	KernelTLS     Way = "kTLS" // TLS 1.2 records, made and opened by the kernel
)

// Ways are all but the plain one and those that change what is sent.
var Ways = []Way{Sendfile, Splice, ZeroCopy, Uring, UringZeroCopy}

// A mover moves bytes through a socket that does not block: it returns EAGAIN.
// Sending and receiving may happen at the same time.
type mover interface {
	send(fd, n int) (int, error)
	receive(fd int, buffer []byte) (int, error)
	Close() error
}

// newMover prepares a connection.
func (w Way) newMover(fd int) (mover, error) {
	switch w {
	case Plain:
		return plain{}, nil
	case Sendfile:
		return newSendfile()
	case Splice:
		return newSplice()
	case ZeroCopy:
		return newZeroCopy(fd)
	case Uring:
		return newRings(uring.Send)
	case UringZeroCopy:
		return newRings(uring.SendZeroCopy)
	case KernelTLS:
		return newKernelTLS(fd)
	default:
		return nil, fmt.Errorf("move bytes by %q: no such way", w)
	}
}

// plain is write and read.
type plain struct{}

func (plain) send(fd, n int) (int, error)                { return unix.Write(fd, zeros[:n]) }
func (plain) receive(fd int, buffer []byte) (int, error) { return unix.Read(fd, buffer) }
func (plain) Close() error                               { return nil }

// A carrier moves a connection's bytes, and waits where the kernel cannot yet.
type carrier struct {
	tcp *net.TCPConn
	mover
}

func (w Way) carrier(tcp *net.TCPConn) (c carrier, err error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c, err
	}
	c.tcp = tcp
	if e := raw.Control(func(fd uintptr) { c.mover, err = w.newMover(int(fd)) }); e != nil {
		return c, e
	}
	return c, err
}

// write sends up to n bytes.
func (c carrier) write(n int) (done int, err error) {
	e := c.await(unix.POLLOUT, func(fd int) error {
		done, err = c.send(fd, n)
		return err
	})
	return max(done, 0), errors.Join(e, err)
}

// read receives up to as many bytes as the buffer holds.
func (c carrier) read(buffer []byte) (done int, err error) {
	e := c.await(unix.POLLIN, func(fd int) error {
		done, err = c.receive(fd, buffer)
		return err
	})
	if done == 0 && e == nil && err == nil {
		err = io.EOF
	}
	return max(done, 0), errors.Join(e, err)
}

// await tries until the socket is ready. Go's own poller gives a socket up for good
// when it sees nothing but a note in its error queue, as zero copy leaves them.
func (c carrier) await(events int16, try func(fd int) error) error {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = raw.Control(func(fd uintptr) {
		for errors.Is(try(int(fd)), unix.EAGAIN) {
			ready := []unix.PollFd{{Fd: int32(fd), Events: events}}
			n, e := unix.Poll(ready, int(patience.Milliseconds()))
			if n == 0 {
				failure = fmt.Errorf("wait for socket: not ready in %v", patience)
			}
			if failure != nil || e != nil && !errors.Is(e, unix.EINTR) {
				failure = errors.Join(failure, e)
				return
			}
			clearNotes(int(fd))
		}
	})
	return errors.Join(err, failure)
}
