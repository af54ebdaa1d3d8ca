// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import "math"

// forever is a time that does not come, in ns since 1970.
const forever = math.MaxInt64

// A hold says when somebody had something, as far as it can be known, in ns since 1970:
//
//	from          sure                doubt
//	 |  perhaps    |  certainly         |  perhaps
//
// until is when it is forgotten, by what elapsed ([moment]), or forever if it is had still. Kubernetes tells times to the second and after the fact; an address may have a new
// holder by then. At sure it was held, even if doubt is before.
type hold struct{ from, sure, doubt, until int64 }

// A verdict is what a hold says of a time.
type verdict uint8

const (
	no verdict = iota
	perhaps
	certainly
)

func (h hold) at(t int64) verdict {
	switch {
	case t >= h.sure && t < h.doubt:
		return certainly
	case t < h.from:
		return no
	}
	return perhaps
}

// A choice picks the one of many that has something, who may have it beside others: the
// only certain one, or the only possible one. Two of the same rank are none: it is
// never guessed.
type choice[T any] struct {
	best    T
	verdict verdict
	tied    bool
}

func (c *choice[T]) add(candidate T, v verdict) {
	switch {
	case v == no || v < c.verdict:
	case v == c.verdict:
		c.tied = true
	default:
		*c = choice[T]{best: candidate, verdict: v}
	}
}

// get returns the holder, and whether there is one.
func (c *choice[T]) get() (T, bool) {
	return c.best, c.verdict != no && !c.tied
}

// A succession picks the one of many that had something at a time, who had it one after
// the other. So who had it for certain before that time had it last, or the next one has
// it already: all others are out.
type succession struct {
	time         int64
	last, next   *pod // had it for certain at or before that time, and after it
	tied, unsure bool // there are two of last, of next
}

func (s *succession) add(p *pod) {
	switch {
	case p.sure > s.time:
		if s.next == nil || p.sure < s.next.sure {
			s.next, s.unsure = p, false
		} else if p.sure == s.next.sure {
			s.unsure = true
		}
	case s.last == nil || p.sure > s.last.sure:
		s.last, s.tied = p, false
	case p.sure == s.last.sure && p.stayed() == s.last.stayed():
		s.tied = true
	case p.sure == s.last.sure && p.stayed():
		s.last, s.tied = p, false
	}
}

// stayed tells whether a pod certainly had its address at sure. One that came and went
// within a second may have had it before only.
func (p *pod) stayed() bool { return p.rarely().doubt > p.sure }

// get returns the holder, or nil if it cannot be told.
func (s *succession) get() *pod {
	last, next := no, no
	if s.last != nil {
		last = s.last.hold().at(s.time)
	}
	if s.next != nil {
		next = s.next.hold().at(s.time)
	}
	switch {
	case last == no && next == no, last == perhaps && next != no:
		return nil
	case last == no:
		return unless(s.unsure, s.next)
	}
	return unless(s.tied, s.last)
}

func unless(tied bool, p *pod) *pod {
	if tied {
		return nil
	}
	return p
}
