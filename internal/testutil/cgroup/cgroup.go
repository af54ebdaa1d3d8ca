// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package cgroup gives a test a place in the cgroup v2 hierarchy.
package cgroup

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// Root returns the path of the hierarchy's root: where it is mounted, else a
// mount that only this test sees.
func Root(t testing.TB) string {
	t.Helper()
	mounts, err := os.Open("/proc/self/mountinfo")
	require.NoError(t, err)
	defer func() { _ = mounts.Close() }()

	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		mount, source, _ := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(mount); strings.HasPrefix(source, "cgroup2 ") && fields[3] == "/" {
			return fields[4]
		}
	}
	return mount(t)
}

// mount makes a mount that is in no directory and ends with its descriptor.
func mount(t testing.TB) string {
	t.Helper()
	context, err := unix.Fsopen("cgroup2", unix.FSOPEN_CLOEXEC)
	require.NoError(t, err, "open file system cgroup2")
	defer func() { _ = unix.Close(context) }()
	require.NoError(t, unix.FsconfigCreate(context), "create file system cgroup2")
	fd, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, 0)
	require.NoError(t, err, "mount file system cgroup2")
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fmt.Sprintf("/proc/self/fd/%d", fd)
}

// A Group is a cgroup of the test's own, a child of the root. It is removed
// with the test, by when its processes must have ended or left.
type Group struct {
	t    testing.TB
	Path string
}

// New makes an empty group. It skips the test unless it runs as root.
func New(t testing.TB) *Group {
	t.Helper()
	root.Require(t)
	path, err := os.MkdirTemp(Root(t), "tcpwhy-test-")
	require.NoError(t, err)
	g := &Group{t: t, Path: path}
	t.Cleanup(func() { require.NoError(t, os.Remove(path)) })
	return g
}

// Add moves a process into the group. It returns to where it was with the test.
func (g *Group) Add(pid int) {
	g.t.Helper()
	before := of(g.t, pid)
	g.move(pid, g.Path)
	g.t.Cleanup(func() {
		if unix.Kill(pid, 0) == nil {
			g.move(pid, before)
		}
	})
}

func (g *Group) move(pid int, to string) {
	g.t.Helper()
	err := os.WriteFile(filepath.Join(to, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
	require.NoError(g.t, err, "move process %d to %s", pid, to)
}

// of returns the path of a process's group.
func of(t testing.TB, pid int) string {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(raw)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return filepath.Join(Root(t), path)
		}
	}
	require.Fail(t, "process is in no cgroup v2", "pid %d", pid)
	return ""
}

// hooks are where a cgroup's programs may hang that see sockets.
var hooks = []ebpf.AttachType{
	ebpf.AttachCGroupSockOps,
	ebpf.AttachCGroupInet4Connect, ebpf.AttachCGroupInet6Connect,
	ebpf.AttachCGroupInetSockCreate, ebpf.AttachCgroupInetSockRelease,
	ebpf.AttachCGroupInetIngress, ebpf.AttachCGroupInetEgress,
}

// Attached returns how many programs are attached to the group itself.
func (g *Group) Attached() (n int) {
	g.t.Helper()
	dir, err := os.Open(g.Path)
	require.NoError(g.t, err)
	defer func() { _ = dir.Close() }()
	for _, hook := range hooks {
		result, err := link.QueryPrograms(link.QueryOptions{Target: int(dir.Fd()), Attach: hook})
		require.NoError(g.t, err)
		n += len(result.Programs)
	}
	return n
}
