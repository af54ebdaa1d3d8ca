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

// enterEach calls fn in each of the given network namespaces that can be found and
// entered, which needs CAP_SYS_ADMIN for others than the own. The thread it uses for
// that ends with it.
func enterEach(inodes map[uint64]bool, fn func() error) error {
	left := make(map[uint64]bool, len(inodes))
	for inode := range inodes {
		left[inode] = true
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the runtime ends the thread
		done <- enterFound(left, fn)
	}()
	return <-done
}

func enterFound(left map[uint64]bool, fn func() error) error {
	var errs []error
	for _, pattern := range namespacePaths {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("list %s: %w", pattern, err)
		}
		for _, path := range paths {
			if len(left) == 0 {
				return errors.Join(errs...)
			}
			errs = append(errs, enter(path, left, fn))
		}
	}
	return errors.Join(errs...)
}

// enter passes over a namespace that is gone or closed to us, or done.
func enter(path string, left map[uint64]bool, fn func() error) error {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	var stat unix.Stat_t
	if unix.Fstat(int(file.Fd()), &stat) != nil || !left[stat.Ino] {
		return nil
	}
	if !isOwn(stat.Ino) && unix.Setns(int(file.Fd()), unix.CLONE_NEWNET) != nil {
		return nil
	}
	delete(left, stat.Ino)
	return fn()
}

// isOwn reports whether the calling thread is in that namespace.
func isOwn(inode uint64) bool {
	var stat unix.Stat_t
	return unix.Stat("/proc/thread-self/ns/net", &stat) == nil && stat.Ino == inode
}
