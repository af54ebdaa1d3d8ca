// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/namespace"
)

// How a search goes on, FOUND_ of the kernel side.
const (
	findConnections = 1
	findLast        = 2
	findHolders     = 8
	findInit        = 16
)

// findRounds bounds the search for connections that somebody works on all the time.
const findRounds = 10

// A finder looks at all open files, and at the sockets of network namespaces. What the
// kernel refuses of that the plan notes.
type finder struct {
	o     *objects
	plan  plan
	files *link.Iter // nil if it cannot look at files
}

func newFinder(o *objects, p plan) *finder {
	f := &finder{o: o, plan: p}
	p.tryEntry()
	if program := o.programs[ProgramFind]; program != nil {
		it, err := link.AttachIter(link.IterOptions{Program: program})
		if err != nil {
			f.without(ProgramFind, err)
			return f
		}
		f.files = it
	}
	return f
}

// without notes that a program cannot run.
func (f *finder) without(program string, why error) {
	f.plan.refuse(program, why)
	f.o.drop(program)
}

// Close detaches.
func (f *finder) Close() error {
	if f.files == nil {
		return nil
	}
	return f.files.Close()
}

// tell says how to search.
func (f *finder) tell(how uint32) error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	search := tcpwhySearch{How: how, Begun: uint64(now.Nano()) / 1000}
	if err := f.o.Search.Put(uint32(0), &search); err != nil {
		return fmt.Errorf("tell how to search: %w", err)
	}
	return nil
}

// look looks at all files once, and returns the number of connections that are to be
// looked at again.
func (f *finder) look(how uint32) (busy uint32, err error) {
	if err := f.tell(how); err != nil || f.files == nil {
		return 0, err
	}
	if _, err := iterate(f.files); err != nil {
		f.without(ProgramFind, errors.Join(err, f.files.Close()))
		f.files = nil
		return 0, nil
	}
	var search tcpwhySearch
	if err := f.o.Search.Lookup(uint32(0), &search); err != nil {
		return 0, fmt.Errorf("read what was found: %w", err)
	}
	return search.Busy, nil
}

// lookHashed goes through the sockets of each network namespace that can be entered.
func (f *finder) lookHashed() {
	program := f.o.programs[ProgramCallbacks]
	if program == nil {
		return
	}
	it, err := link.AttachIter(link.IterOptions{Program: program})
	if err != nil {
		f.without(ProgramCallbacks, err)
		return
	}
	defer it.Close()
	if _, err := namespace.Each(namespace.OfThreads, namespace.Everything, func(uint64) error {
		_, err := iterate(it)
		return err
	}); err != nil {
		f.without(ProgramCallbacks, err)
	}
}

// listeners takes in listeners: what they accept from now on is theirs. Done before
// programs are attached, no child is without a parent.
func (f *finder) listeners() error {
	for _, how := range []uint32{0, findInit} {
		if _, err := f.look(how); err != nil {
			return fmt.Errorf("find old listeners: %w", err)
		}
	}
	f.lookHashed()
	return nil
}

// connections takes in the connections that are older than the attached programs. The
// ports of listeners tell which end they are. First come those that processes hold, then
// those that none holds: they are found by network namespace, and all callbacks are
// switched on there.
func (f *finder) connections() error {
	if err := f.listeners(); err != nil { // that began meanwhile
		return err
	}
	for round := range findRounds {
		how := uint32(findConnections)
		if round == findRounds-1 {
			how |= findLast
		}
		busy, err := f.look(how)
		if err != nil {
			return fmt.Errorf("find old connections: %w", err)
		}
		if busy == 0 {
			break
		}
	}
	f.lookHashed()
	return empty[tcpwhyPort, tcpwhyPortOwner](f.o.Listening)
}

// holders looks for who holds listeners.
func (f *finder) holders() error {
	if f.files == nil {
		return nil
	}
	if err := empty[tcpwhyHolder, tcpwhyOwnerKey](f.o.Holders); err != nil {
		return err
	}
	if err := f.tell(findHolders); err != nil {
		return err
	}
	_, err := iterate(f.files)
	return err
}

// empty deletes all that is in a map, which nobody else writes to.
func empty[K, V any](m *ebpf.Map) error {
	var keys []K
	var key K
	var value V
	entries := m.Iterate()
	for entries.Next(&key, &value) {
		keys = append(keys, key)
	}
	for i := range keys {
		if err := m.Delete(&keys[i]); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("empty %s: %w", m, err)
		}
	}
	return entries.Err()
}
