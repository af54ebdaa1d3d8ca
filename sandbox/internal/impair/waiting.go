// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"container/heap"
	"time"
)

// A parcel is a packet that waits.
type parcel struct {
	due    time.Time
	number uint64 // in the order of arrival
	id     uint32 // the kernel's
}

// waiting releases what is due first; of the same moment, what arrived first.
type waiting []parcel

func (w waiting) Len() int { return len(w) }
func (w waiting) Less(i, j int) bool {
	if !w[i].due.Equal(w[j].due) {
		return w[i].due.Before(w[j].due)
	}
	return w[i].number < w[j].number
}
func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push is for package heap; call add.
func (w *waiting) Push(x any) { *w = append(*w, x.(parcel)) }

// Pop is for package heap; call take.
func (w *waiting) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	*w = (*w)[:last]
	return x
}

func (w *waiting) add(p parcel) { heap.Push(w, p) }
func (w *waiting) take() parcel { return heap.Pop(w).(parcel) }
