// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package conntrack

import "slices"

// Follow tells how a connection of a client looks to its server, from how it looks to
// the client. It was there at some time between from and to: of one that is established
// both are that moment.
func (t *Table) Follow(seen Tuple, from, to uint64) (Tuple, Verdict) {
	return t.walk(seen, from, to, t.before, func(i *item) (Tuple, *item) { return i.After, i.nextBefore })
}

// Trace tells how a connection of a server looks to its client, from how it looks to
// the server.
func (t *Table) Trace(seen Tuple, from, to uint64) (Tuple, Verdict) {
	return t.walk(seen, from, to, t.after, func(i *item) (Tuple, *item) { return i.Before, i.nextAfter })
}

// walk goes from one namespace that translates to the next, through none of them twice.
// What different entries do not agree on stays unknown.
func (t *Table) walk(seen Tuple, from, to uint64, index map[Tuple]*item, step func(*item) (Tuple, *item)) (Tuple, Verdict) {
	var been [maxHops]Place
	here, blind := seen, from <= t.blind
	for hop := range maxHops {
		next, place, verdict := choose(index[here], from, to, blind, been[:hop], step)
		switch {
		case verdict == Unknown:
			return seen, Unknown
		case verdict == Translated:
			here, been[hop] = next, place
		case hop > 0:
			return here, Translated
		case blind:
			return seen, Unknown
		default:
			return seen, Untranslated
		}
	}
	return seen, Unknown
}

// choose takes what all entries agree on that may have been there. While something was
// missed, there may have been another one: then one must be known to have been there.
func choose(first *item, from, to uint64, blind bool, been []Place, step func(*item) (Tuple, *item)) (there Tuple, p Place, v Verdict) {
	v = Untranslated
	sure := !blind
	for i := first; i != nil; {
		tuple, next := step(i)
		if i.during(from, to) && !slices.Contains(been, i.place) {
			if v == Translated && tuple != there {
				return there, p, Unknown
			}
			there, p, v = tuple, i.place, Translated
			sure = sure || i.added <= from
		}
		i = next
	}
	if v == Translated && !sure {
		v = Unknown
	}
	return there, p, v
}
