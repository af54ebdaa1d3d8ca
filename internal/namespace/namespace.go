// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package namespace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Places in which namespaces are looked for: one's own always comes first.
var (
	// OfProcesses are those of processes, and those that a name keeps.
	OfProcesses = []string{"/proc/thread-self/ns/net", "/proc/[0-9]*/ns/net", "/run/netns/*", "/run/docker/netns/*"}
	// OfThreads are all that can be found. It takes as long as there are threads.
	OfThreads = append(OfProcesses[:len(OfProcesses):len(OfProcesses)], "/proc/[0-9]*/task/*/ns/net")
)

// ErrEnough, returned by what Each calls, ends it without an error.
var ErrEnough = errors.New("enough was seen")

// Exhausted tells whether there was no descriptor left to look further with. Namespaces that
// were not found then may be there all the same.
func Exhausted(err error) bool { return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) }

// Everything wants every namespace.
func Everything(uint64) bool { return true }

// Closed tells whether there is a namespace at a path, and we may not look at it: it takes CAP_SYS_PTRACE
// for those of other users' processes.
func Closed(path string) bool {
	var stat unix.Stat_t
	err := unix.Stat(path, &stat)
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)
}

// Each calls fn once in each wanted network namespace that can be found and entered,
// which needs CAP_SYS_ADMIN for others than the own. Namespaces are known by their inode.
// The thread it uses for that ends with it. It returns which ones were found, wanted or
// not, and a path that leads there; one that is gone or closed to us is none. It ends with
// an error that is [Exhausted] when there are no descriptors.
func Each(places []string, wanted func(inode uint64) bool, fn func(inode uint64) error) (map[uint64]string, error) {
	v := visit{wanted: wanted, fn: fn, found: make(map[uint64]string)}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the runtime ends the thread
		done <- v.all(places)
	}()
	err := <-done
	return v.found, err
}

// A visit goes from one namespace to the next.
type visit struct {
	wanted func(inode uint64) bool
	fn     func(inode uint64) error
	found  map[uint64]string
}

func (v *visit) all(places []string) error {
	var errs []error
	for _, pattern := range places {
		paths, err := list(pattern)
		if err != nil {
			return fmt.Errorf("list %s: %w", pattern, err)
		}
		for _, path := range paths {
			err := v.enter(path)
			if errors.Is(err, ErrEnough) {
				return errors.Join(errs...)
			}
			if Exhausted(err) {
				return errors.Join(append(errs, fmt.Errorf("look into %s: %w", path, err))...)
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// list returns where a pattern may lead. What comes behind its last wildcard is not looked for
// by name: to list /proc/PID/ns takes CAP_DAC_READ_SEARCH of who is not root, to go through it nothing.
func list(pattern string) ([]string, error) {
	wild := strings.LastIndexAny(pattern, "*?[")
	if wild < 0 {
		return []string{pattern}, nil
	}
	end := len(pattern)
	if n := strings.IndexByte(pattern[wild:], '/'); n >= 0 {
		end = wild + n
	}
	folder, err := os.Open(pattern[:1+strings.LastIndexByte(pattern[:wild], '/')])
	if Exhausted(err) { // Glob would find nothing, and say nothing
		return nil, err
	}
	_ = folder.Close()
	paths, err := filepath.Glob(pattern[:end])
	for i := range paths {
		paths[i] += pattern[end:]
	}
	return paths, err
}

// enter passes over a namespace that is gone, closed to us, known, or not wanted. To
// look at one takes less than to open it.
func (v *visit) enter(path string) error {
	var stat unix.Stat_t
	if unix.Stat(path, &stat) != nil || v.found[stat.Ino] != "" {
		return nil
	}
	if !v.wanted(stat.Ino) {
		v.found[stat.Ino] = path
		return nil
	}
	file, err := os.Open(path)
	if Exhausted(err) {
		return err
	}
	if err != nil {
		return nil
	}
	defer file.Close()
	if unix.Fstat(int(file.Fd()), &stat) != nil || v.found[stat.Ino] != "" {
		return nil
	}
	if !isOwn(stat.Ino) && unix.Setns(int(file.Fd()), unix.CLONE_NEWNET) != nil {
		return nil
	}
	v.found[stat.Ino] = path
	return v.fn(stat.Ino)
}

// isOwn reports whether the calling thread is in that namespace.
func isOwn(inode uint64) bool {
	var stat unix.Stat_t
	return unix.Stat("/proc/thread-self/ns/net", &stat) == nil && stat.Ino == inode
}
