// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// namespacePaths are where network namespaces are found: those of processes and their
// threads, and those that a name keeps.
var namespacePaths = []string{
	"/proc/thread-self/ns/net", "/proc/[0-9]*/ns/net", "/run/netns/*", "/run/docker/netns/*", "/proc/[0-9]*/task/*/ns/net",
}

// enterable says what keeps us out of other network namespaces, nil if nothing does. It
// enters the own one, which needs as much.
func enterable() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer own.Close()
	if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("%s needs CAP_SYS_ADMIN: %w", needNamespaces, err)
	}
	held, err := effective()
	if err == nil && held>>unix.CAP_SYS_PTRACE&1 == 0 {
		err = errors.New("finding those of other users' processes needs CAP_SYS_PTRACE")
	}
	return err
}

// inEach calls fn in each network namespace that can be found and entered, which needs
// CAP_SYS_ADMIN for others than the own. The thread it uses for that ends with it.
func inEach(fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the runtime ends the thread
		done <- inFound(fn)
	}()
	return <-done
}

func inFound(fn func() error) error {
	var errs []error
	been := make(map[uint64]bool)
	for _, pattern := range namespacePaths {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("list %s: %w", pattern, err)
		}
		for _, path := range paths {
			errs = append(errs, enter(path, been, fn))
		}
	}
	return errors.Join(errs...)
}

// enter passes over a namespace that is gone, closed to us, or known. To look at one
// takes less than to open it.
func enter(path string, been map[uint64]bool, fn func() error) error {
	var stat unix.Stat_t
	if unix.Stat(path, &stat) != nil || been[stat.Ino] {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	if unix.Fstat(int(file.Fd()), &stat) != nil || been[stat.Ino] {
		return nil
	}
	if !isOwn(stat.Ino) && unix.Setns(int(file.Fd()), unix.CLONE_NEWNET) != nil {
		return nil
	}
	been[stat.Ino] = true
	return fn()
}

// isOwn reports whether the calling thread is in that namespace.
func isOwn(inode uint64) bool {
	var stat unix.Stat_t
	return unix.Stat("/proc/thread-self/ns/net", &stat) == nil && stat.Ino == inode
}
