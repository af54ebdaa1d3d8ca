// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/uring"
)

// actServe is a process that inherits a listener and accepts from it, as a worker of a
// server does, or a service that systemd starts.
const actServe = "serve"

func serveInherited([]byte) error {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	for {
		if _, err := listener.Accept(); err != nil {
			return err
		}
	}
}

// start forks and executes a process that inherits the listener.
func (s *stage) start() (a puppetAnswer, err error) {
	file, err := s.listener.File()
	if err != nil {
		return a, err
	}
	defer file.Close()
	self, err := os.Executable()
	if err != nil {
		return a, err
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), actVariable+"="+actServe)
	command.ExtraFiles = []*os.File{file}
	if err := command.Start(); err != nil {
		return a, err
	}
	return puppetAnswer{PID: command.Process.Pid}, nil
}

// fork makes a process of this one's program that accepts, as servers in C do.
func (s *stage) fork() (a puppetAnswer, err error) {
	file, err := s.listener.File()
	if err != nil {
		return a, err
	}
	defer file.Close()
	pid, errno := forkAcceptor(&unix.PollFd{Fd: int32(file.Fd()), Events: unix.POLLIN})
	if errno != 0 {
		return a, errno
	}
	return puppetAnswer{PID: int(pid)}, nil
}

// forkAcceptor returns in the parent only. The child has no Go runtime to speak of: it
// makes system calls on the stack it has.
//
//go:norace
//go:nosplit
func forkAcceptor(listener *unix.PollFd) (pid uintptr, errno unix.Errno) {
	pid, _, errno = unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid == 0 && errno == 0 { // whoever waits for the parent's output waits for the parent only
		_, _, _ = unix.RawSyscall6(unix.SYS_CLOSE_RANGE, 0, 2, 0, 0, 0, 0)
	}
	for pid == 0 && errno == 0 {
		_, _, _ = unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(listener)), 1, 0, 0, 0, 0)
		_, _, _ = unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener.Fd), 0, 0, 0, 0, 0)
	}
	return pid, errno
}

// starts lets a process start another one that inherits its listener, and ends with the test.
func (u *puppet) starts(how string) (pid uint32) {
	u.t.Helper()
	worker := u.do(how, "", 0).PID
	u.t.Cleanup(func() { _ = unix.Kill(worker, unix.SIGKILL) })
	return uint32(worker)
}

// TestPreForkServer accepts in workers only. Their connections are the master's while it
// lives, then the worker's with the lowest PID.
func TestPreForkServer(t *testing.T) {
	for _, how := range []string{"start", "fork"} {
		t.Run(how, func(t *testing.T) {
			p := newPlace(t)
			k := observe(t, Config{Granularity: GranularityConnection})
			master := newPuppet(t, p, "master")
			address := master.do("listen", p.IPv4.String()+":0", 0).Address
			workers := []uint32{master.starts(how), master.starts(how)}
			for range lookEvery {
				k.collect()
			}
			require.Equal(t, master.PID, acceptedBy(t, k, p, address))
			master.end()
			for range lookEvery {
				k.collect()
			}
			require.Equal(t, min(workers[0], workers[1]), acceptedBy(t, k, p, address))
		})
	}
}

// TestActivatedService inherits a listener from the process that stands for init, which
// keeps it, whether it was started before the collector or after it.
func TestActivatedService(t *testing.T) {
	p := newPlace(t)
	init := newPuppet(t, p, "init")
	address := init.do("listen", p.IPv4.String()+":0", 0).Address
	before := observe(t, Config{Granularity: GranularityConnection, init: init.PID})
	service := init.starts("start")
	after := observe(t, Config{Granularity: GranularityConnection, init: init.PID})
	for range lookEvery {
		before.collect()
	}
	require.Equal(t, service, acceptedBy(t, before, p, address))
	require.Equal(t, service, acceptedBy(t, after, p, address))
}

// TestPassedConnection goes to another process, whose writes count for who had it when it
// was established.
func TestPassedConnection(t *testing.T) {
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	opener, other, client := newPuppet(t, p, "opener"), newPuppet(t, p, "other"), newPuppet(t, p, "client")
	address := opener.do("listen", p.IPv4.String()+":0", 0).Address
	client.do("connect", address, 1)
	opener.do("accept", "", 1)
	for _, from := range []*puppet{opener, client} {
		from.do("write", "", 10)
		handOver(t, from, other, "connection")
	}
	opener.end()
	client.end()
	other.do("write", "", 10)
	for range lookEvery + 1 {
		k.collect()
	}
	for r, pid := range map[flow.Role]uint32{flow.RoleServer: opener.PID, flow.RoleClient: client.PID} {
		keys := k.keys(role(r, p.here()))
		require.Len(t, keys, 1)
		require.Equal(t, pid, keys[0].Owner.PID())
		require.EqualValues(t, 20, k.sums[keys[0]].Bytes[flow.Transmit])
	}
}

// TestAcceptByRing accepts through an io_uring: a connection is its listener's.
func TestAcceptByRing(t *testing.T) {
	kernel.Require(t, kernel.IOUring)
	p := newPlace(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	listener := p.Listen(netip.AddrPortFrom(p.IPv4, 0).String())
	client := newPuppet(t, p, "client")
	client.do("connect", listener.Addr().String(), 1)
	ring, err := uring.New()
	require.NoError(t, err)
	require.NoError(t, control(t, listener, func(fd int32) error {
		accepted, err := ring.Accept(int(fd))
		if err != nil {
			return err
		}
		_, err = unix.Write(accepted, make([]byte, 10))
		t.Cleanup(func() { _ = unix.Close(accepted) })
		return errors.Join(err, ring.Close())
	}))
	k.collect()
	keys := k.keys(role(flow.RoleServer, p.here()))
	require.Len(t, keys, 1)
	requireSelf(t, k, keys[0])
	require.EqualValues(t, 10, k.sums[keys[0]].Bytes[flow.Transmit])
}
