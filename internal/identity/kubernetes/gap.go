// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A gap is when the API server told nothing of pods, of services or of nodes, in ns since
// 1970. What came and went in it is never known. It is forgotten at until, by what elapsed.
type gap struct{ from, to, until int64 }

// Gaps are those of the grace period, in their order. The last one is open while the API
// server is away: it ends at forever. Writers are locked, readers are not.
type gaps struct {
	mu        sync.Mutex
	unsettled bool // the clock was set: nobody knows since when they are
	all       atomic.Pointer[[]gap]
}

func (g *gaps) init() { g.all.Store(new([]gap)) }

// open begins a gap, if none is open.
func (g *gaps) open(at int64) {
	g.change(func(all []gap) []gap {
		if isOpen(all) {
			return all
		}
		if g.unsettled {
			at = 0
		}
		return append(all, gap{at, forever, forever})
	})
}

// end ends it, by a list of all that is. What was before the list stays unknown.
func (g *gaps) end(m moment) {
	g.change(func(all []gap) []gap {
		if isOpen(all) {
			last := &all[len(all)-1]
			last.to, last.until = m.sure, m.ends
		}
		return all
	})
}

// unsettle has all of them be ever since, because the clock was set.
func (g *gaps) unsettle(m moment) {
	g.change(func(all []gap) []gap {
		g.unsettled = true
		for i := range all {
			all[i].from = 0
			if all[i].to != forever {
				all[i].to, all[i].until = m.sure, m.ends
			}
		}
		return all
	})
}

// settle has the next ones be by the clock again.
func (g *gaps) settle() {
	g.change(func(all []gap) []gap {
		g.unsettled = false
		return all
	})
}

// heal makes it none, because all that happened in it was told afterwards.
func (g *gaps) heal() {
	g.change(func(all []gap) []gap {
		if isOpen(all) {
			all = all[:len(all)-1]
		}
		return all
	})
}

// expire forgets those that ended before the grace period.
func (g *gaps) expire(now int64) {
	g.change(func(all []gap) []gap {
		return slices.DeleteFunc(all, func(one gap) bool { return one.until <= now })
	})
}

func (g *gaps) change(f func([]gap) []gap) {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := f(slices.Clone(*g.all.Load()))
	g.all.Store(&next)
}

// has tells whether a time is in one.
func (g *gaps) has(t int64) bool {
	for _, one := range *g.all.Load() {
		if t >= one.from && t < one.to {
			return true
		}
	}
	return false
}

// since is when the one that is open began, or forever.
func (g *gaps) since() int64 {
	if all := *g.all.Load(); isOpen(all) {
		return all[len(all)-1].from
	}
	return forever
}

func isOpen(all []gap) bool { return len(all) > 0 && all[len(all)-1].to == forever }
