// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"sync"
	"time"
)

// A judge carries verdicts out.
type judge interface {
	accept(id uint32) error
	drop(id uint32) error
}

// A court decides about packets of one queue as they arrive and has the judge carry that
// out when it is time. It is safe for concurrent use.
type court struct {
	judge judge
	truth *truth

	mu      sync.Mutex
	fates   *fates
	link    link
	last    time.Time // when the last packet that keeps its place is due
	number  uint64
	waiting waiting
	pardon  bool  // all pass from now on
	failed  error // the first verdict that could not be carried out
}

func newCourt(config Config, j judge, t *truth) *court {
	return &court{judge: j, truth: t, fates: newFates(config), link: link{rate: config.Rate, room: config.Queue}}
}

// arrive decides about a packet. It returns whether somebody has to call release later.
func (c *court) arrive(now time.Time, id uint32, raw []byte) (waits bool) {
	p, ok := parse(raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !ok || c.pardon {
		c.note(c.judge.accept(id))
		return false
	}
	c.number++
	next := c.fates.next()
	through, ok := c.link.take(now, len(raw))
	if next.drop || !ok {
		next.drop = true
		c.truth.note(now, p, next)
		c.note(c.judge.drop(id))
		return false
	}
	due := through.Add(next.delay)
	if !next.late {
		if due.Before(c.last) {
			due = c.last
		}
		c.last = due
	}
	next.delay = due.Sub(now)
	c.truth.note(now, p, next)
	one := parcel{due: due, number: c.number, id: id}
	if next.delay <= 0 {
		c.free(one)
		return false
	}
	c.waiting.add(one)
	return true
}

// release frees what is due. It returns how long the next packet has to wait, 0 if there
// is none.
func (c *court) release(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.waiting) > 0 {
		if left := c.waiting[0].due.Sub(now); left > 0 {
			return left
		}
		c.free(c.waiting.take())
	}
	return 0
}

// amnesty frees all, and who comes after that at once and uncounted.
func (c *court) amnesty() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pardon = true
	for len(c.waiting) > 0 {
		c.free(c.waiting.take())
	}
}

func (c *court) free(p parcel) {
	c.note(c.judge.accept(p.id))
}

func (c *court) note(err error) {
	if c.failed == nil {
		c.failed = err
	}
}

func (c *court) error() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}
