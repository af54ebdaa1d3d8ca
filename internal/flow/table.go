// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"slices"
	"time"
)

// Limits bound a [Table].
type Limits struct {
	// Flows is the number of flows with a key of their own.
	Flows int
	// Overflows is the number of owners with an overflow flow of their own.
	Overflows int
	// Idle is how long a flow without open connections is kept.
	Idle time.Duration
}

// A Table holds the flows of a host. Its interval is: [Table.Add] for each
// delta, [Table.Seal], export of [Table.Groups], and [Table.Commit] if the
// export was accepted.
type Table struct {
	limits Limits
	owner  func(OwnerID) Owner

	flows     map[Key]*Flow
	groups    []*Group
	byOwner   map[OwnerID]*Group
	overflows int

	sealed      Instant // the end of the previous interval
	interval    uint32
	connections uint64
	squeezed    squeezed
}

// squeezed counts what found no flow of its own in this interval.
type squeezed struct {
	connections uint64 // open, or closed in this interval
	opened      uint64
}

// NewTable returns an empty table that begins at start. It asks owner once for
// each owner that has a flow.
func NewTable(limits Limits, start Instant, owner func(OwnerID) Owner) *Table {
	return &Table{
		limits:   limits,
		owner:    owner,
		flows:    make(map[Key]*Flow),
		byOwner:  make(map[OwnerID]*Group),
		sealed:   start,
		interval: 1,
	}
}

// Add adds what a flow did in the interval that is under way. Where the table
// has no room for the flow, its owner's overflow flow takes it in, and where
// there is no room for that either, the overflow flow of the zero owner: the
// totals over all flows are exact.
func (t *Table) Add(d *Delta) {
	f := t.place(d)
	if f.Key.Overflow && !d.Key.Overflow {
		t.squeezed.connections += total(d.Live[:]) + total(d.Closed[:])
		t.squeezed.opened += d.Opened
	}
	f.add(d, t.interval)
}

func (t *Table) place(d *Delta) *Flow {
	for key := d.Key; ; key = wider(key) {
		if f := t.flows[key]; f != nil {
			return f
		}
		if t.room(key) {
			return t.create(key, d.Since)
		}
	}
}

func wider(key Key) Key {
	if key.Overflow {
		return Key{Overflow: true}
	}
	return Key{Owner: key.Owner, Overflow: true}
}

func (t *Table) room(key Key) bool {
	switch {
	case !key.Overflow:
		return len(t.flows)-t.overflows < t.limits.Flows
	case key.Owner == OwnerID{}:
		return true
	default:
		return t.overflows < t.limits.Overflows
	}
}

func (t *Table) create(key Key, since uint64) *Flow {
	f := &Flow{Key: key, alive: since}
	if key.Overflow {
		t.overflows++
		f.alive = 0 // others' connections follow, perhaps older ones
	}
	t.flows[key] = f
	group := t.group(key.Owner)
	group.Flows = append(group.Flows, f)
	return f
}

func (t *Table) group(id OwnerID) *Group {
	group := t.byOwner[id]
	if group == nil {
		group = &Group{Owner: Owner{ID: id}}
		t.byOwner[id] = group
		t.groups = append(t.groups, group)
	}
	return group
}

// Seal ends the interval at now. If it is complete, flows without a delta have
// no open connections; otherwise, what their connections are doing is unknown
// and stays as it was. Seal returns the report with the connections that the
// table itself could not describe in full.
func (t *Table) Seal(now Instant, report Report, complete bool) Report {
	t.connections = 0
	for _, group := range t.groups {
		if !group.known {
			group.Owner, group.known = t.owner(group.Owner.ID), true
		}
		for _, f := range group.Flows {
			t.sealFlow(f, now, complete)
		}
	}
	t.sealed = now
	t.interval++
	return t.admit(report)
}

func (t *Table) sealFlow(f *Flow, now Instant, complete bool) {
	if f.Start == 0 {
		f.Start = now.start(f.alive, t.sealed)
	}
	switch {
	case f.interval == t.interval:
		f.live(now)
	case complete:
		f.rest(now, t.limits.Idle)
	}
	t.connections += f.Connections()
}

func (t *Table) admit(report Report) Report {
	moved := min(t.squeezed.connections, report.Described)
	report.Described -= moved
	report.Missed += moved
	report.Lost[LostOverflow] += t.squeezed.opened
	t.squeezed = squeezed{}
	return report
}

// Groups returns all flows by owner, owners and each owner's flows in the order
// of their coming. It holds until the next [Table.Add].
func (t *Table) Groups() []*Group { return t.groups }

// Commit notes that all flows were exported since the last [Table.Seal]:
// flows whose last totals were among them end, and those whose end was are
// forgotten.
func (t *Table) Commit() {
	t.groups = slices.DeleteFunc(t.groups, func(group *Group) bool {
		group.Flows = slices.DeleteFunc(group.Flows, func(f *Flow) bool {
			f.commit()
			if f.phase == gone {
				t.forget(f)
			}
			return f.phase == gone
		})
		if len(group.Flows) > 0 {
			return false
		}
		delete(t.byOwner, group.Owner.ID)
		return true
	})
}

func (t *Table) forget(f *Flow) {
	delete(t.flows, f.Key)
	if f.Key.Overflow {
		t.overflows--
	}
}
