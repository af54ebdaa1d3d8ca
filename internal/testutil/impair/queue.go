// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package impair

import (
	"container/heap"
	"time"
)

// A parcel is a packet under way.
type parcel struct {
	due    time.Time
	number uint64 // order of arrival, which decides between equals
	packet []byte
}

// A queue holds parcels, the first due in front.
type queue []parcel

func (q *queue) add(p parcel) { heap.Push(q, p) }

func (q *queue) take() parcel { return heap.Pop(q).(parcel) }

// Len, Less, Swap, Push and Pop are for package heap.
func (q queue) Len() int { return len(q) }

// Less orders by time, then by arrival.
func (q queue) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].number < q[j].number
	}
	return q[i].due.Before(q[j].due)
}

// Swap exchanges two parcels.
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push appends a parcel.
func (q *queue) Push(p any) { *q = append(*q, p.(parcel)) }

// Pop removes the last parcel.
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
