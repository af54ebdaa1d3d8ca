// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import "sync/atomic"

// Waiting are pods that have no address yet, by UID, with since when they may have got one
// that nobody was told of (ns since 1970). Writers are locked, readers are not.
type waiting struct {
	since map[string]int64
	// earliest of since, or forever.
	earliest atomic.Int64
}

func (w *waiting) init() {
	w.since = map[string]int64{}
	w.earliest.Store(forever)
}

// wait notes that a pod has no address yet; done, that it has one or is gone. All are looked
// at only if the earliest is not any more: when a cluster starts, thousands wait.
func (w *waiting) wait(uid string, since int64) {
	before, again := w.since[uid]
	w.since[uid] = since
	switch earliest := w.earliest.Load(); {
	case since < earliest:
		w.earliest.Store(since)
	case again && before == earliest:
		w.count()
	}
}

func (w *waiting) done(uid string) {
	since, waits := w.since[uid]
	delete(w.since, uid)
	if waits && since == w.earliest.Load() {
		w.count()
	}
}

func (w *waiting) count() {
	earliest := int64(forever)
	for _, since := range w.since {
		earliest = min(earliest, since)
	}
	w.earliest.Store(earliest)
}

// unsettle has them wait ever since, because the clock was set.
func (w *waiting) unsettle() {
	for uid := range w.since {
		w.since[uid] = 0
	}
	w.count()
}
