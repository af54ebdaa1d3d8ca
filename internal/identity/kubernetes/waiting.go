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

// wait notes that a pod has no address yet; done, that it has one or is gone.
func (w *waiting) wait(uid string, since int64) {
	w.since[uid] = since
	w.count()
}

func (w *waiting) done(uid string) {
	if _, ok := w.since[uid]; ok {
		delete(w.since, uid)
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
