// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"cmp"
	"slices"
	"time"

	"github.com/cilium/ebpf/link"

	"github.com/tcpwhy/tcpwhy/internal/namespace"
)

// homeMemory is for how many sweeps a namespace is looked at first in which connections
// were met that no process holds: most of them are on their way to one, or to their end.
const homeMemory = 60

// A home is a network namespace in which sockets were met that no process holds.
type home struct {
	path      string // leads there, or did
	listeners int    // of Multipath TCP, as Go's are
	busy      bool   // connections were met
	last      uint32 // in that sweep
}

func (h *home) listening() bool { return h.listeners > 0 }

func (h *home) forgotten(sweep uint32) bool {
	return h.listeners == 0 && (!h.busy || sweep-h.last > homeMemory)
}

// An unheldVisit goes through the hash tables of one network namespace after the other
// that can be entered, until all records are met. The walk takes 0.4 ms in a table of
// 262,144 buckets. Listeners come first in it: where it is known how many of them no
// process holds it ends with the last one.
type unheldVisit struct {
	*fileSweeper
	losses                 *losses
	connections, listeners int64 // that are missing
	longest                time.Duration
	been                   map[uint64]bool // namespaces in which the walk did not end early
}

func (v *unheldVisit) complete() bool { return v.connections == 0 && v.listeners == 0 }

// all looks for listeners where they were, then for connections where some were, and
// then everywhere. Who was deferred is met again.
func (v *unheldVisit) all() error {
	if err := v.count(); err != nil || v.complete() {
		return err
	}
	known := func(inode uint64) bool { return v.homes[inode] != nil }
	unseen := func(inode uint64) bool { return !v.been[inode] }
	err := v.within(v.paths((*home).listening), known, v.listen, func() bool { return v.listeners == 0 })
	v.losses.before = v.losses.progress.Deferred // they are all met again
	if err == nil {
		err = v.within(v.paths(func(h *home) bool { return h.busy }), known, v.walk, func() bool { return v.connections == 0 })
	}
	if err == nil {
		err = v.within(namespace.OfThreads, unseen, v.walk, v.complete)
	}
	if err != nil {
		return err
	}
	return v.losses.look()
}

// within looks from one namespace to the next, until enough are met. Who is not met for want
// of descriptors is counted as skipped, as who is in a namespace that cannot be entered.
func (v *unheldVisit) within(places []string, wanted func(uint64) bool, look func(uint64) error, enough func() bool) error {
	if enough() {
		return nil
	}
	found, err := namespace.Each(places, wanted, func(inode uint64) error {
		v.walks++
		if err := look(inode); err != nil {
			return err
		}
		if enough() {
			return namespace.ErrEnough
		}
		return nil
	})
	for inode, path := range found {
		if h := v.homes[inode]; h != nil {
			h.path = path
		}
	}
	if namespace.Exhausted(err) {
		return nil
	}
	return err
}

// listen meets the listeners of a home.
func (v *unheldVisit) listen(inode uint64) error {
	h, before := v.homes[inode], v.losses.progress.Listeners
	if err := v.iterate(v.hashed, h.listeners); err != nil {
		return err
	}
	err := v.count()
	h.listeners = int(v.losses.progress.Listeners - before)
	return err
}

// walk meets all sockets of a namespace.
func (v *unheldVisit) walk(inode uint64) error {
	h, before, sweep := v.homes[inode], v.losses.progress, v.census.epoch.now.Sweep
	if h == nil {
		h = &home{}
		v.homes[inode] = h
	}
	if err := v.iterate(v.hashed, -1); err != nil {
		return err
	}
	err := v.count()
	h.listeners += int(v.losses.progress.Listeners - before.Listeners)
	if v.losses.progress.Met > before.Met {
		h.busy, h.last = true, sweep
	}
	if v.been[inode] = true; h.forgotten(sweep) {
		delete(v.homes, inode)
	}
	return err
}

// count counts who is missing.
func (v *unheldVisit) count() error {
	err := v.losses.peek()
	if err == nil {
		v.connections, v.listeners, err = v.census.unmet(&v.losses.progress)
	}
	return err
}

func (v *unheldVisit) iterate(it *link.Iter, outputs int) error {
	s, err := iterateFor(it, outputs)
	v.longest = max(v.longest, s.longest)
	return err
}

// paths lead to homes, to the latest one first. Whoever has listeners and is not come
// to is forgotten.
func (v *unheldVisit) paths(of func(*home) bool) (paths []string) {
	var homes []*home
	for inode, h := range v.homes {
		if h.path == "" || h.forgotten(v.census.epoch.now.Sweep) {
			delete(v.homes, inode)
		} else if of(h) {
			homes = append(homes, h)
		}
	}
	slices.SortFunc(homes, func(a, b *home) int { return cmp.Compare(b.last, a.last) })
	for _, h := range homes {
		paths = append(paths, h.path)
		if h.listeners > 0 {
			h.path = "" // until it is found there
		}
	}
	return paths
}
