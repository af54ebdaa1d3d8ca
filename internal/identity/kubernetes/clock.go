// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"math"
	"time"
)

// leap is from which difference on a clock has been set: less is what two looks at it differ by.
const leap = 500 * time.Millisecond

// A Clock is the time, which tests set.
type Clock struct {
	Now func() time.Time
	// Elapsed is how long it has been since some moment, whatever Now is set to. Nil: what the times
	// that Now returns say, which is that for those of [time.Now].
	Elapsed func() time.Duration
}

// A moment is when something is seen. From and sure are in ns since 1970, as holds are: what is
// seen began at from, if it is not known to have begun before, and was so for certain at sure. Both
// are what the clock says, unless the API server tells of times that are not yet, which sure is not
// before, or nobody knows which clock is right: then from is ever, and sure by all of them.
type moment struct {
	from, sure int64
	// elapsed and ends, a grace period later, go on whatever the clock is set to.
	elapsed, ends int64
	// unsettled is whether it was set within a grace period.
	unsettled bool
}

// A pace follows a clock that may be set. Points bear their senders' times: whether those were
// set with it, and whether it was right before or is now, nobody knows.
type pace struct {
	clock   Clock
	start   time.Time
	began   time.Duration
	grace   time.Duration
	ahead   time.Duration // of the time that elapsed since the start
	top     time.Duration // the most of it while unsettled
	settles int64         // when what came before it was set is too old to be asked for; 0: it is settled
	// told is by how much the API server is ahead of what elapsed, at least: it tells times to the
	// second, after the fact.
	told time.Duration
}

func newPace(clock Clock, grace time.Duration) *pace {
	p := &pace{clock: clock, start: clock.Now(), grace: grace, told: math.MinInt64}
	p.began = p.elapsed(p.start)
	return p
}

func (p *pace) elapsed(now time.Time) time.Duration {
	if p.clock.Elapsed != nil {
		return p.clock.Elapsed()
	}
	return now.Sub(p.start)
}

// look returns the moment, and by how much the clock was set since the last look.
func (p *pace) look() (m moment, set time.Duration) {
	clock := p.clock.Now()
	elapsed := p.elapsed(clock) - p.began
	ahead := clock.Round(0).Sub(p.start.Round(0).Add(elapsed))
	if set = ahead - p.ahead; set.Abs() < leap {
		set = 0
	} else {
		if p.settles == 0 {
			p.top = p.ahead
		}
		p.ahead, p.top, p.settles = ahead, max(p.top, ahead), int64(elapsed+p.grace)+1
	}
	return p.moment(clock.UnixNano(), elapsed), set
}

func (p *pace) moment(clock int64, elapsed time.Duration) moment {
	m := moment{from: clock, elapsed: int64(elapsed), ends: int64(elapsed + p.grace), unsettled: p.settles != 0}
	ahead := p.ahead
	if m.unsettled {
		m.from, ahead = 0, p.top
	}
	if m.sure = clock; m.unsettled || p.told > ahead+leap {
		m.sure = p.start.Add(elapsed + max(ahead, p.told+lag)).UnixNano()
	}
	return m
}

// lag is how much later than the API server says something may be seen.
const lag = 2 * time.Second

// hear takes a time that the API server tells, in ns since 1970, and returns the moment by it.
func (p *pace) hear(m moment, at int64) moment {
	elapsed := time.Duration(m.elapsed)
	told := time.Duration(at - p.start.Add(elapsed).UnixNano())
	if told <= p.told {
		return m
	}
	p.told = told
	return p.moment(m.from, elapsed)
}

// settled tells whether what came before the clock was set is too old to be asked for.
func (p *pace) settled(m moment) bool { return p.settles != 0 && m.elapsed >= p.settles }
