// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift

import "github.com/tcpwhy/tcpwhy/internal/detect"

const (
	// inherited is how many values a parent's distribution counts for.
	inherited = 20
	// poolSamples is how many values a pool has to have to be inherited from.
	poolSamples = 1000
)

// A Pool is the common distribution of all series below a parent. The zero
// value is an empty one.
type Pool struct {
	counts [Buckets]float32
	last   detect.Window
}

// Start returns the state of a new series.
func (d *Detector) Start() State { return State{} }

// Inherit lets a series that has no data yet take after the first of pools that
// has enough, with the nearest parent's pool first; nil ones are skipped.
func (d *Detector) Inherit(s *State, pools *[3]*Pool) {
	if s.age > 0 {
		return
	}
	for _, pool := range pools {
		if pool == nil {
			continue
		}
		total := float32(0)
		for _, count := range pool.counts {
			total += count
		}
		if total < poolSamples {
			continue
		}
		for k, count := range pool.counts {
			s.usual[k] = inherited * count / total
		}
		return
	}
}

// Teach adds the window that a series was last judged for to a parent's pool,
// unless there was something suspicious about it.
func (d *Detector) Teach(pool *Pool, s *State, w detect.Window, h *Histogram) {
	if s.open || s.suspicious {
		return
	}
	if w != pool.last {
		for k := range pool.counts {
			pool.counts[k] *= d.keep
		}
		pool.last = w
	}
	for k, count := range h.Counts {
		pool.counts[k] += float32(count)
	}
}
