// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import "time"

// A Clock is the time, which tests set. The zero Clock is the system's.
type Clock struct {
	Now func() time.Time
	// Elapsed is how long it has been since some moment, whatever Now is set to. Nil: what the times
	// that Now returns say, which is that for those of [time.Now].
	Elapsed func() time.Duration
	// Tick returns what tells of each interval, until the function is called.
	Tick func(interval time.Duration) (<-chan time.Time, func())
	// Go does what may take long. Nil: in a goroutine of its own. In tests it may be done at once.
	Go func(func())
}

// orSystem returns the clock, or the system's.
func (c Clock) orSystem() Clock {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Tick == nil {
		c.Tick = func(interval time.Duration) (<-chan time.Time, func()) {
			t := time.NewTicker(interval)
			return t.C, t.Stop
		}
	}
	if c.Go == nil {
		c.Go = func(f func()) { go f() }
	}
	return c
}

// elapsed is how long it has been at now: since start, or since a moment that is always the same.
func (c Clock) elapsed(start, now time.Time) time.Duration {
	if c.Elapsed != nil {
		return c.Elapsed()
	}
	return now.Sub(start)
}
