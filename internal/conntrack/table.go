// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package conntrack

import (
	"math"
	"slices"
)

// A Verdict says what is known of a connection's translation.
type Verdict uint8

// Verdicts.
const (
	Unknown      Verdict = iota // something is missing, or does not agree
	Untranslated                // what the socket sees is who is there
	Translated
)

// A Place is a namespace.
type Place uint32

// alive is the end of an entry that has none.
const alive = math.MaxUint64

// maxHops bounds the namespaces that translate one connection.
const maxHops = 4

// An item is an entry in a table. When it began is known from two sides, for an event
// is read after it happened: not before born. When it ended, too: not after died.
// Times are nanoseconds of CLOCK_MONOTONIC.
type item struct {
	Entry
	place      Place
	born, died uint64
	added      uint64 // read then
	dump       uint32 // the last one that had it

	nextBefore, nextAfter *item // with the same tuple, older
}

func (i *item) during(from, to uint64) bool { return i.born <= to && from <= i.died }

// A Table holds translated connections, those that have ended too until they are
// forgotten. It is bounded: the oldest makes room, unless it is younger than the last
// call of Forget, for then nobody may have asked for it yet.
type Table struct {
	limit   int
	before  map[Tuple]*item
	after   map[Tuple]*item // those whose source is translated
	items   []*item         // in the order of their coming
	kept    uint64          // what came before may go
	blind   uint64          // until then something was missed
	refused uint64
}

// NewTable returns a table of at most limit entries.
func NewTable(limit int) *Table {
	return &Table{limit: limit, before: make(map[Tuple]*item), after: make(map[Tuple]*item)}
}

// Len is the number of entries.
func (t *Table) Len() int { return len(t.items) }

// Refused is how many entries found no room.
func (t *Table) Refused() uint64 { return t.refused }

// Blind notes that something was missed until now: of a connection that was established
// before and has no entry nobody knows whether it is translated.
func (t *Table) Blind(now uint64) { t.blind = max(t.blind, now) }

// Add notes the beginning of a connection, which was read now and happened after born.
func (t *Table) Add(p Place, e Entry, born, now uint64) {
	if i := t.live(p, e.Before, e.Zone); i != nil {
		if i.After == e.After {
			return // a dump had it already
		}
		i.died = now // nobody told of its end
	}
	t.insert(&item{Entry: e, place: p, born: born, died: alive, added: now})
}

// Dumped notes a connection that a dump found, which began at some time since born.
func (t *Table) Dumped(p Place, e Entry, dump uint32, begun, born, now uint64) {
	for i := t.before[e.Before]; i != nil; i = i.nextBefore {
		if i.place != p || i.Entry != e {
			continue
		}
		if i.died == alive {
			i.dump = dump
			return
		}
		if i.died >= begun {
			return // ended since: an event of its own would tell of a successor
		}
	}
	t.insert(&item{Entry: e, place: p, born: born, died: alive, added: now, dump: dump})
}

// End notes the end of a connection, read now. One that nobody knows was there before.
func (t *Table) End(p Place, e Entry, now uint64) {
	if i := t.live(p, e.Before, e.Zone); i != nil && i.After == e.After {
		i.died = now
		return
	}
	t.insert(&item{Entry: e, place: p, died: now, added: now})
}

// EndOthers notes the end of all connections of a place that a complete dump, begun
// at the given time, has not found.
func (t *Table) EndOthers(p Place, dump uint32, begun, now uint64) {
	for _, i := range t.items {
		if i.place == p && i.died == alive && i.dump != dump && i.added < begun {
			i.died = now
		}
	}
}

// EndPlace notes the end of a namespace.
func (t *Table) EndPlace(p Place, now uint64) { t.EndOthers(p, 0, math.MaxUint64, now) }

// Holds tells whether a namespace has connections that have not ended.
func (t *Table) Holds(p Place) bool {
	return slices.ContainsFunc(t.items, func(i *item) bool { return i.place == p && i.died == alive })
}

func (t *Table) live(p Place, before Tuple, zone uint16) *item {
	for i := t.before[before]; i != nil; i = i.nextBefore {
		if i.place == p && i.Zone == zone && i.died == alive {
			return i
		}
	}
	return nil
}

func (t *Table) insert(i *item) {
	if len(t.items) >= t.limit && !t.evict() {
		t.refused++
		t.Blind(i.added)
		return
	}
	t.items = append(t.items, i)
	i.nextBefore = t.before[i.Before]
	t.before[i.Before] = i
	if i.SourceTranslated() {
		i.nextAfter = t.after[i.After]
		t.after[i.After] = i
	}
}

// evict makes room for one.
func (t *Table) evict() bool {
	if len(t.items) == 0 || t.items[0].added >= t.kept {
		return false
	}
	t.unlink(t.items[0])
	t.items[0] = nil
	t.items = t.items[1:]
	return true
}

// Forget drops connections that ended before the given time, and allows those to be
// dropped that came before it.
func (t *Table) Forget(before uint64) {
	t.kept = before
	kept := make([]*item, 0, len(t.items))
	for _, i := range t.items {
		if i.died < before {
			t.unlink(i)
		} else {
			kept = append(kept, i)
		}
	}
	t.items = kept
}

func (t *Table) unlink(i *item) {
	unlink(t.before, i.Before, i, func(i *item) **item { return &i.nextBefore })
	if i.SourceTranslated() {
		unlink(t.after, i.After, i, func(i *item) **item { return &i.nextAfter })
	}
}

func unlink(index map[Tuple]*item, key Tuple, gone *item, next func(*item) **item) {
	if index[key] == gone {
		if *next(gone) == nil {
			delete(index, key)
		} else {
			index[key] = *next(gone)
		}
		return
	}
	for i := index[key]; i != nil; i = *next(i) {
		if *next(i) == gone {
			*next(i) = *next(gone)
			return
		}
	}
}
