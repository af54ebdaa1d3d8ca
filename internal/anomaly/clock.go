// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import "time"

// A Clock is the time, which tests set. The zero Clock is the system's.
type Clock struct {
	Now func() time.Time
	// Tick returns what tells of each interval, until the function is called.
	Tick func(interval time.Duration) (<-chan time.Time, func())
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
	return c
}
