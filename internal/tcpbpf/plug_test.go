// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
)

// A plug is a bare socket, which can be connected more than once.
type plug struct {
	t    *testing.T
	file *os.File
}

func newPlug(t *testing.T, ns *netns.NS) plug {
	t.Helper()
	var fd int
	require.NoError(t, ns.Try(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		return err
	}))
	file := os.NewFile(uintptr(fd), "plug")
	t.Cleanup(func() { _ = file.Close() })
	return plug{t, file}
}

// do calls fn with the descriptor.
func (p plug) do(fn func(fd int) error) error {
	return control(p.t, p.file, func(fd int32) error { return fn(int(fd)) })
}

func (p plug) connect(to netip.AddrPort) error {
	return p.do(func(fd int) error { return unix.Connect(fd, sockaddr(to)) })
}

func (p plug) bind(at netip.AddrPort) error {
	return p.do(func(fd int) error { return unix.Bind(fd, sockaddr(at)) })
}

// in waits for a state.
func (p plug) in(state uint8) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		info, err := tcpinfo.Get(p.file)
		return err == nil && info.State == state
	}, patience, time.Millisecond)
}

// disconnect connects to AF_UNSPEC, which ends a connection but not its socket.
func (p plug) disconnect() error {
	return p.do(func(fd int) error {
		var nobody unix.RawSockaddrAny
		_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&nobody)), unix.SizeofSockaddrInet4)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

func (p plug) close() error { return p.file.Close() }

// write writes n bytes.
func (p plug) write(n int) error {
	_, err := p.file.Write(make([]byte, n))
	return err
}

// shutdown sends a FIN.
func (p plug) shutdown() error {
	return p.do(func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
}

// quiet reads totals that have come to rest: all that was sent is acknowledged.
func (p plug) quiet() (info tcpinfo.Info) {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		var err error
		info, err = tcpinfo.Get(p.file)
		return err == nil && info.Unacked == 0
	}, patience, time.Millisecond)
	return info
}

func sockaddr(a netip.AddrPort) *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
}

// connectLater connects without waiting, and waits for the outcome afterwards.
func (p plug) connectLater(to netip.AddrPort) error {
	p.t.Helper()
	if err := p.beginConnect(to); err != nil {
		return err
	}
	return p.outcome()
}

// outcome waits until a connect that was begun succeeds or fails. The kernel wakes who
// waits before it ends the connection: who takes the error in between leaves none for
// those that are told of the end.
func (p plug) outcome() error {
	return p.do(func(fd int) error {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(patience.Milliseconds()))
		if n != 1 {
			return errors.Join(err, os.ErrDeadlineExceeded)
		}
		for begin := time.Now(); connecting(fd); time.Sleep(100 * time.Microsecond) {
			if time.Since(begin) > patience {
				return os.ErrDeadlineExceeded
			}
		}
		code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if code != 0 {
			return unix.Errno(code)
		}
		return err
	})
}

func connecting(fd int) bool {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.State == unix.BPF_TCP_SYN_SENT
}

// beginConnect sends a SYN.
func (p plug) beginConnect(to netip.AddrPort) error {
	return p.do(func(fd int) error {
		if err := unix.SetNonblock(fd, true); err != nil {
			return err
		}
		if err := unix.Connect(fd, sockaddr(to)); !errors.Is(err, unix.EINPROGRESS) {
			return err
		}
		return unix.SetNonblock(fd, false)
	})
}
