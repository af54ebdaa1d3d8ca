// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package conntrack

import "slices"

// A Question is about one connection.
type Question struct {
	// Seen is how it looks to its socket.
	Seen Tuple
	// It was there at some time between From and To: of one that is established both
	// are that moment. Nanoseconds of CLOCK_MONOTONIC.
	From, To uint64
	// Namespace is the inode of its socket's network namespace, 0 if that is not known.
	Namespace uint64
	// Shared says that a socket of another namespace has the same at about that time.
	Shared bool

	home Place // of Namespace, if it is read; Places begin at 1
}

// Follow tells how a connection of a client looks to its server, from how it looks to
// the client.
func (t *Table) Follow(q Question) (Tuple, Verdict) {
	return t.walk(&q, t.before, func(i *item) (Tuple, *item) { return i.After, i.nextBefore })
}

// Trace tells how a connection of a server looks to its client, from how it looks to
// the server.
func (t *Table) Trace(q Question) (Tuple, Verdict) {
	return t.walk(&q, t.after, func(i *item) (Tuple, *item) { return i.Before, i.nextAfter })
}

// walk goes from one namespace that translates to the next, through none of them twice.
// What different entries do not agree on stays unknown.
func (t *Table) walk(q *Question, index map[Tuple]*item, step func(*item) (Tuple, *item)) (Tuple, Verdict) {
	c := candidates{Question: q, step: step, blind: q.From <= t.blind}
	here := q.Seen
	if !c.begin(index[here]) {
		return q.Seen, Unknown
	}
	for range maxHops {
		next, place, verdict := c.choose(index[here])
		switch {
		case verdict == Unknown:
			return q.Seen, Unknown
		case verdict == Translated:
			here, c.been, c.only = next, append(c.been, place), 0
		case len(c.been) > 0:
			return here, Translated
		case c.blind:
			return q.Seen, Unknown
		default:
			return q.Seen, Untranslated
		}
	}
	return q.Seen, Unknown
}

// Candidates are entries that may be the connection's.
type candidates struct {
	*Question
	step  func(*item) (Tuple, *item)
	blind bool    // something was missed
	only  Place   // 0: any
	been  []Place // those that have translated it already
}

func (c *candidates) has(i *item) bool {
	return i.during(c.From, c.To) && !slices.Contains(c.been, i.place) && (c.only == 0 || c.only == i.place)
}

// begin believes the connection's own namespace before any other one. What others say of
// addresses and ports that two sockets share may be about either: then it returns false.
func (c *candidates) begin(first *item) bool {
	others := false
	for i := first; i != nil; _, i = c.step(i) {
		switch {
		case !c.has(i):
		case i.place == c.home:
			c.only = c.home
			return true
		default:
			others = true
		}
	}
	return !others || !c.Shared
}

// choose takes what all entries agree on that may have been there. While something was
// missed, there may have been another one: then one must be known to have been there.
func (c *candidates) choose(first *item) (there Tuple, p Place, v Verdict) {
	v = Untranslated
	sure := !c.blind
	for i := first; i != nil; {
		tuple, next := c.step(i)
		if c.has(i) {
			if v == Translated && tuple != there {
				return there, p, Unknown
			}
			there, p, v = tuple, i.place, Translated
			sure = sure || i.added <= c.From
		}
		i = next
	}
	if v == Translated && !sure {
		v = Unknown
	}
	return there, p, v
}
