// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"fmt"
	"slices"
	"time"
)

// Times of a problem's life.
const (
	// reopen is how long after its end a problem comes back as the same.
	reopen = 10 * time.Minute
	// overlap is how long after a restart a problem waits to be found again, how far apart
	// anomalies of one fault begin, and how long one lasts of which only small ones are left.
	overlap = 120 * time.Second
	// together is how far apart those of them begin that are of one class.
	together = time.Minute
	// aftermath is how long after a fault was seen last its symptoms begin, and last.
	aftermath = time.Minute
	// buried is how long after a fault the connections time out that it has killed: one that its process
	// has closed is given up after 8 retries, 102 s at least (tcp_orphan_retries, net/ipv4/tcp_timer.c).
	buried = 2 * time.Minute
	// repeat is how often an open problem is told of again.
	repeat = 5 * time.Minute
)

// A State is what happened to a problem.
type State string

// States.
const (
	Open   State = "open"
	Update State = "update"
	Close  State = "close"
)

// A Change is news of a problem. The problem is a copy.
type Change struct {
	State   State
	Problem Problem
}

// A Register holds the open problems and those that may come back.
type Register struct {
	limit   int
	calm    time.Duration
	silent  map[string]bool
	open    []*Problem
	closed  []*Problem
	day     string
	number  int
	loaded  bool // and nothing was observed since
	dropped uint64
}

// NewRegister returns a register of at most limit open problems, each of which ends when nothing
// has been found of it for calm.
func NewRegister(limit int, calm time.Duration) *Register { return &Register{limit: limit, calm: calm} }

// Len returns how many problems are open.
func (r *Register) Len() int { return len(r.open) }

// Dropped returns how many problems found no room.
func (r *Register) Dropped() uint64 { return r.dropped }

// Unheard says which anomalies are of connections of which nothing is heard, until it says so again.
func (r *Register) Unheard(silent map[string]bool) { r.silent = silent }

// Observe takes in all that is found at one moment, the likeliest root first, and which
// anomalies ended when. It returns what changed by it. A problem ends with its last member, or
// when nothing has been found of it for a while.
func (r *Register) Observe(now time.Time, findings []Finding, ended map[string]time.Time) []Change {
	var changes []Change
	r.clamp(now)
	for _, p := range r.open {
		p.leave(ended)
	}
	for i := range findings {
		changes = append(changes, r.observe(now, &findings[i])...)
	}
	changes = append(changes, r.end(now)...)
	for _, p := range r.open {
		if p.Emitted.IsZero() { // somebody has acknowledged it, and nothing was found of it
			changes = append(changes, p.tell(Update, now))
		}
	}
	r.closed = slices.DeleteFunc(r.closed, func(p *Problem) bool { return now.Sub(p.End) > reopen })
	return changes
}

func (r *Register) observe(now time.Time, f *Finding) []Change {
	var changes []Change
	p := r.find(now, f)
	switch {
	case p != nil:
		changes = r.merge(p, f, now)
		if p.take(f, now) || now.Sub(p.Emitted) >= repeat {
			changes = append(changes, p.tell(Update, now))
		}
	case !f.opens() || slices.ContainsFunc(r.closed, func(p *Problem) bool { return p.left(f, now) }):
	default:
		if p = r.comeBack(f, now); p == nil {
			p = r.begin(f, now)
		}
		if p != nil {
			changes = append(changes, p.tell(Open, now))
		}
	}
	return changes
}

// find returns the oldest open problem that the finding is about.
func (r *Register) find(now time.Time, f *Finding) *Problem {
	for _, p := range r.open {
		if p.about(f) {
			return p
		}
	}
	return nil
}

// merge ends the younger problems that turn out to be the same fault as p.
func (r *Register) merge(p *Problem, f *Finding, now time.Time) (changes []Change) {
	r.open = slices.DeleteFunc(r.open, func(other *Problem) bool {
		if other == p || !other.about(f) {
			return false
		}
		other.End, other.MergedInto = now, p.ID
		if other.Start.Before(p.Start) {
			p.Start = other.Start
		}
		for _, id := range other.Live {
			p.join(&Anomaly{ID: id})
		}
		changes = append(changes, other.tell(Close, now))
		return true
	})
	return changes
}

// comeBack opens a closed problem again.
func (r *Register) comeBack(f *Finding, now time.Time) *Problem {
	i := slices.IndexFunc(r.closed, func(p *Problem) bool { return p.returns(f) && f.onset().Sub(p.End) <= reopen })
	if i < 0 {
		return nil
	}
	p := r.closed[i]
	r.closed = slices.Delete(r.closed, i, i+1)
	p.End, p.LastEnd = time.Time{}, time.Time{}
	p.Reopened++
	p.take(f, now)
	r.open = append(r.open, p)
	return p
}

func (r *Register) begin(f *Finding, now time.Time) *Problem {
	if len(r.open) >= r.limit {
		r.dropped++
		return nil
	}
	start := f.onset()
	p := &Problem{
		ID: newID(f, start), DisplayID: r.displayID(now),
		Start: start, Detected: now, Acknowledged: now, AckAuto: true,
	}
	p.take(f, now)
	r.open = append(r.open, p)
	return p
}

func (r *Register) displayID(now time.Time) string {
	if day := now.UTC().Format("060102"); day != r.day {
		r.day, r.number = day, 0
	}
	r.number++
	return fmt.Sprintf("P-%s-%03d", r.day, r.number)
}

func (r *Register) end(now time.Time) (changes []Change) {
	r.open = slices.DeleteFunc(r.open, func(p *Problem) bool {
		if !p.over(now, r.calm, r.silent) {
			return false
		}
		if p.End = p.LastEnd; p.End.IsZero() || len(p.Live) > 0 {
			p.End = p.Seen
			if p.Serious.After(p.Start) {
				p.End = p.Serious
			}
		}
		p.Live = nil
		r.closed = append(r.closed, p)
		changes = append(changes, p.tell(Close, now))
		return true
	})
	return changes
}

// Acknowledge notes, now, that a person has seen a problem at a time: after it was detected, and not
// later than now, whatever that person's clock says. It returns false if it is not open. The first one counts.
func (r *Register) Acknowledge(now time.Time, id string, at time.Time) bool {
	if at.After(now) {
		at = now
	}
	for _, p := range r.open {
		if p.ID == id || p.DisplayID == id {
			if p.AckAuto {
				if at.Before(p.Detected) {
					at = p.Detected
				}
				p.Acknowledged, p.AckAuto = at, false
				p.Emitted = time.Time{} // told of at the next moment
			}
			return true
		}
	}
	return false
}

func (p *Problem) tell(state State, now time.Time) Change {
	p.Emitted = now
	c := *p
	c.MemberIDs, c.Live, c.Pairs = slices.Clone(p.MemberIDs), slices.Clone(p.Live), slices.Clone(p.Pairs)
	return Change{State: state, Problem: c}
}
