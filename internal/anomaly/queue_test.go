// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A queue is a gauge of a flow: its newest point counts, at who was there then, until it ends or
// its flow is silent.
type queue struct {
	key   sumKey
	at    float64
	bytes int64
	ended bool
}

// enterQueue enters what a parcel says of a queue.
func (w *world) enterQueue(p *parcel) {
	if p.of.listens {
		return
	}
	q := w.queues[p.of.flowID]
	if q == nil {
		q = &queue{at: -1}
		w.queues[p.of.flowID] = q
	}
	if p.at > q.at {
		*q = queue{key: w.key(p.of, p.at), at: p.at, bytes: p.told.queue}
	}
}

// endQueue ends it, unless it is there later.
func (w *world) endQueue(id flowID, at float64) {
	if q := w.queues[id]; q != nil && at >= q.at {
		q.at, q.ended = at, true
	}
}

// lives tells whether something was heard of a flow lately.
func (w *world) lives(id flowID) bool {
	return slices.ContainsFunc(w.flows, func(c *counter) bool { return c.flowID == id && c.state == current })
}

// requireQueues compares what was told last with the queues that there are.
func (w *world) requireQueues(t *testing.T, got *tally, overflow bool) {
	t.Helper()
	want, heard := make(map[sumKey]int64), got.queues
	for id, q := range w.queues {
		if !q.ended && w.lives(id) {
			want[q.key] += q.bytes
		}
	}
	if overflow {
		want, heard = onlyTotal(want), onlyTotal(heard)
	}
	require.Equal(t, want, heard)
}

func onlyTotal(all map[sumKey]int64) map[sumKey]int64 {
	sum := int64(0)
	for _, n := range all {
		sum += n
	}
	return map[sumKey]int64{{}: sum}
}
