// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netns

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	nshandle "github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A NS is a network namespace that lives as long as its test, or as long as a
// socket or process in it. It is safe for concurrent use.
type NS struct {
	t          testing.TB
	file       *os.File
	links      *netlink.Handle
	congestion string // algorithm for each socket, empty for the default
}

func init() {
	// See the package comment.
	runtime.LockOSThread()
}

// New makes a network namespace with loopback up. It skips the test unless it
// runs as root.
func New(t testing.TB, options ...Option) *NS {
	t.Helper()
	root.Require(t)
	file, err := create()
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })

	links, err := netlink.NewHandleAt(nshandle.NsHandle(file.Fd()), unix.NETLINK_ROUTE)
	require.NoError(t, err)
	t.Cleanup(links.Close)

	ns := &NS{t: t, file: file, links: links}
	ns.skipDetection()
	ns.Up("lo")
	for _, o := range options {
		o.apply(ns)
	}
	return ns
}

// create opens a new namespace and leaves the thread in the one it came from.
func create() (file *os.File, err error) {
	err = elsewhere(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("create network namespace: %w", err)
		}
		file, err = current()
		return err
	})
	return file, err
}

// Do runs fn in the namespace, on the calling goroutine: fn may end the test.
// Goroutines that fn starts are not in the namespace.
func (n *NS) Do(fn func()) {
	n.t.Helper()
	require.NoError(n.t, n.Try(func() error {
		fn()
		return nil
	}))
}

// Try is [NS.Do] for a function that may fail, from any goroutine.
func (n *NS) Try(fn func() error) error {
	return elsewhere(func() error {
		if err := unix.Setns(n.FD(), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return fn()
	})
}

// elsewhere calls fn on a locked thread and then takes the thread back to the
// namespace it is in now. A thread that cannot go back stays locked, so that
// the runtime discards it together with the goroutine.
func elsewhere(fn func() error) error {
	runtime.LockOSThread()
	home, err := current()
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		_ = home.Close()
	}()
	return fn()
}

// current opens the calling thread's namespace.
func current() (*os.File, error) {
	file, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	return file, nil
}

// FD returns the descriptor that holds the namespace. It stays owned by n.
func (n *NS) FD() int { return int(n.file.Fd()) }

// Inode returns the number by which /proc/*/ns/net names the namespace.
func (n *NS) Inode() uint64 {
	var stat unix.Stat_t
	require.NoError(n.t, unix.Fstat(n.FD(), &stat))
	return stat.Ino
}
