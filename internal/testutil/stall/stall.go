// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

// Package stall holds a CPU in the middle of what it does, so that a test can do
// something else meanwhile that would else need luck.
package stall

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A CPU that nobody releases is held so long. It may have its interrupts switched off:
// others wait for it then. Of emulated processors the held one takes turns of 100 ms, and
// each tick of the other one's clock, of 4 ms, ends that one's turn: on a busy machine it
// needs seconds for what takes a millisecond. The kernel complains of a CPU after 20 s.
const (
	limit         = 200 * time.Millisecond
	limitEmulated = 10 * time.Second
)

// A Stall holds one CPU once, each time it is armed.
type Stall struct {
	t       testing.TB
	objects stallObjects
}

// load makes a stall that ends with the test. With one CPU, nothing else could
// happen meanwhile: the test is skipped.
func load(t testing.TB) *Stall {
	t.Helper()
	root.Require(t)
	if runtime.NumCPU() == 1 {
		t.Skip("needs a CPU to hold and another one, has one")
	}
	s := &Stall{t: t}
	require.NoError(t, loadStallObjects(&s.objects, nil))
	t.Cleanup(func() { _ = s.objects.Close() })
	set(t, s.objects.Limit, uint64(limit))
	if kernel.Emulated(t) {
		set(t, s.objects.Limit, uint64(limitEmulated))
	}
	return s
}

// Allocation stalls where the kernel asks for between smallest and largest bytes in
// a thread's system call, or in an interrupt of it.
func Allocation(t testing.TB, thread int, smallest, largest uint32) *Stall {
	t.Helper()
	s := load(t)
	set(t, s.objects.Thread, uint32(thread))
	set(t, s.objects.Smallest, smallest)
	set(t, s.objects.Largest, largest)
	s.attach(link.AttachRawTracepoint(link.RawTracepointOptions{Name: "kmalloc", Program: s.objects.StallKmalloc}))
	return s
}

// Connect stalls in the sock_ops callback of a connect from a cgroup, after the
// programs that were attached to it before.
func Connect(t testing.TB, cgroup string) *Stall {
	t.Helper()
	s := load(t)
	s.attach(link.AttachCgroup(link.CgroupOptions{
		Path: cgroup, Attach: ebpf.AttachCGroupSockOps, Program: s.objects.StallConnect,
	}))
	return s
}

// Birth stalls where a host makes a socket of a handshake that has ended, before anybody
// can find it.
func Birth(t testing.TB, host *netns.NS) *Stall {
	t.Helper()
	s := load(t)
	set(t, s.objects.Netns, uint32(host.Inode()))
	s.attach(link.AttachRawTracepoint(link.RawTracepointOptions{Name: "inet_sock_set_state", Program: s.objects.StallBirth}))
	return s
}

// Segment stalls a segment that has found a socket, before it has the socket's lock.
func Segment(t testing.TB, socket int) *Stall {
	t.Helper()
	s := load(t)
	require.NoError(t, unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_ATTACH_BPF, s.objects.StallSegment.FD()))
	return s
}

func (s *Stall) attach(l link.Link, err error) {
	s.t.Helper()
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = l.Close() })
}

// OnCPU calls fn on a thread that runs only on the n-th of this process's CPUs: one
// that waits for a CPU that is held would not see another one idle at once.
func OnCPU(n int, fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read affinity: %w", err)
	}
	only.Set(nth(&before, n))
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return fmt.Errorf("choose CPU %d: %w", nth(&before, n), err)
	}
	return errors.Join(fn(), unix.SchedSetaffinity(0, &before))
}

func nth(cpus *unix.CPUSet, n int) int {
	for i := 0; ; i++ {
		if cpus.IsSet(i) {
			if n == 0 {
				return i
			}
			n--
		}
	}
}

// Arm makes the next one stall.
func (s *Stall) Arm() {
	s.t.Helper()
	for _, v := range []*ebpf.Variable{s.objects.Held, s.objects.Released, s.objects.Over, s.objects.Late} {
		set(s.t, v, uint32(0))
	}
	set(s.t, s.objects.Armed, uint32(1))
}

// Disarm lets nothing stall any more, and reports whether something has.
func (s *Stall) Disarm() bool {
	s.t.Helper()
	set(s.t, s.objects.Armed, uint32(0))
	return s.is(s.objects.Held)
}

// Held reports whether the CPU was held since it was armed, Over whether it goes on
// again, and Late whether nobody released it in time.
func (s *Stall) Held() bool { s.t.Helper(); return s.is(s.objects.Held) }

// Over reports whether a CPU that was held goes on again.
func (s *Stall) Over() bool { s.t.Helper(); return s.is(s.objects.Over) }

// Late reports whether it goes on because nobody has released it in time.
func (s *Stall) Late() bool { s.t.Helper(); return s.is(s.objects.Late) }

// Release lets the CPU go on.
func (s *Stall) Release() {
	s.t.Helper()
	set(s.t, s.objects.Released, uint32(1))
}

func (s *Stall) is(v *ebpf.Variable) bool {
	s.t.Helper()
	var value uint32
	require.NoError(s.t, v.Get(&value))
	return value != 0
}

func set[T uint32 | uint64](t testing.TB, v *ebpf.Variable, value T) {
	t.Helper()
	require.NoError(t, v.Set(value))
}
