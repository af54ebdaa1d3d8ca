// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A thread is one that goes into namespaces and starts processes. It never ends before the
// process does: what it started is killed by the kernel when it ends.
type thread struct{ work chan func() }

func newThread() *thread {
	t := &thread{work: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for fn := range t.work {
			fn()
		}
		select {}
	}()
	return t
}

// do calls fn on the thread.
func (t *thread) do(fn func() error) error {
	done := make(chan error)
	t.work <- func() { done <- fn() }
	return <-done
}

// A Namespace is a network namespace.
type Namespace struct {
	thread *thread
	file   *os.File
}

// newNamespace makes one, with nothing in it but loopback.
func (t *thread) newNamespace() (n *Namespace, err error) {
	err = t.do(func() error {
		home, err := current()
		if err != nil {
			return err
		}
		defer func() { _ = home.Close() }()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("create network namespace: %w", err)
		}
		defer func() { _ = unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) }()
		file, err := current()
		n = &Namespace{t, file}
		return err
	})
	return n, err
}

func current() (*os.File, error) {
	file, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open network namespace: %w", err)
	}
	return file, nil
}

// Do calls fn on a thread in the namespace.
func (n *Namespace) Do(fn func() error) error {
	return n.thread.do(func() error {
		home, err := current()
		if err != nil {
			return err
		}
		defer func() { _ = home.Close() }()
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		defer func() { _ = unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) }()
		return fn()
	})
}

// Sysctl sets a parameter, such as net/ipv4/ip_forward.
func (n *Namespace) Sysctl(key, value string) error {
	return n.Do(func() error {
		if err := os.WriteFile("/proc/sys/"+key, []byte(value), 0); err != nil {
			return fmt.Errorf("set %s to %q: %w", key, value, err)
		}
		return nil
	})
}
