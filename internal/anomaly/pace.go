// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"time"

	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// leap is from which difference on a clock has been set: less is what two looks at it differ by.
const leap = 500 * time.Millisecond

// A pace is a time that goes on whatever somebody sets the clock to. Windows are counted by it: by a
// clock that was set back by an hour all that comes for an hour would be late.
type pace struct {
	clock   Clock
	start   time.Time
	elapsed time.Duration // at the start
	// ahead is by how much the clock is ahead of the pace, which is by how much it was set since the start.
	ahead time.Duration
}

func newPace(clock Clock) pace {
	now := clock.Now()
	return pace{clock: clock, start: now, elapsed: clock.elapsed(now, now)}
}

// now returns the time, and by how much the clock was set since it was asked for last.
func (p *pace) now() (now time.Time, set time.Duration) {
	clock := p.clock.Now()
	now = p.start.Round(0).Add(p.clock.elapsed(p.start, clock) - p.elapsed)
	ahead := clock.Round(0).Sub(now)
	if set = ahead - p.ahead; set.Abs() < leap {
		return now, 0
	}
	p.ahead = ahead
	return now, set
}

// instant returns the time, as reducers keep it, and by how much the clock was set since it was asked for last.
func (p *pace) instant() (now reduce.Instant, set time.Duration) {
	at, set := p.now()
	return reduce.Instant{Pace: uint64(at.UnixNano()), Clock: uint64(at.Add(p.ahead).UnixNano())}, set
}
