// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio

import "github.com/tcpwhy/tcpwhy/internal/detect"

const (
	// poolWeight is how many times as much as [Config.Weight] a parent's
	// baseline may count for at most. Series below one parent differ, so that no
	// amount of data of others replaces the series' own.
	poolWeight = 10
	// grown is the number of trials, in that weight, from which on a series goes
	// by its own baseline.
	grown = 2
)

// A Pool is the common baseline of all series below a parent. The zero value is
// an empty one.
type Pool struct {
	Baseline
	last detect.Window
}

// Inherit lets a series that has little data of its own take after the first
// of pools that has enough from others. It is called before each window's
// [Detector.Observe], with the nearest parent's pool first; nil ones are skipped.
func (d *Detector) Inherit(s *State, pools *[3]*Pool) {
	c := &d.config
	if s.open || s.suspicious || s.own.trials > grown*poolWeight*c.Weight {
		return
	}
	for _, pool := range pools {
		if pool == nil || pool.trials-s.own.trials < c.Weight {
			continue
		}
		others := pool.Baseline
		others.events = max(0, others.events-s.own.events)
		others.trials -= s.own.trials
		s.prior = prior{
			share:      others.share(d.unknown()),
			weight:     min(others.trials, poolWeight*c.Weight),
			dispersion: others.dispersion(d.unknown()),
		}
		return
	}
}

// Teach adds the window that a series was last judged for to a parent's pool,
// unless there was something suspicious about it.
func (d *Detector) Teach(pool *Pool, s *State, w detect.Window, c *Counts) {
	if s.open || s.suspicious || !c.Valid() || c.Trials+c.Events == 0 {
		return
	}
	if w != pool.last {
		pool.forget(d.keep, d.keepBursts)
		pool.last = w
	}
	pool.learn(max(c.Trials, c.Events), c.Events, s.own.share(s.prior))
}

// unknown is the prior where there is no parent.
func (d *Detector) unknown() prior {
	return prior{d.config.Prior, d.config.Weight, d.config.Dispersion}
}
