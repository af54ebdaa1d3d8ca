// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// expireEvery is how many sweeps pass between two looks for records of dead
// processes, and how long such a record is kept for flows that come late.
const expireEvery = 6

// minOwners is how many processes the kernel side can name at least: with few flows
// there may still be many processes, one after the other.
const minOwners = 65536

// An ownerTable names processes by the records that the kernel side made of
// them, and deletes the records of those that are dead and have no flow.
type ownerTable struct {
	records *ebpf.Map
	peer    bool
	alias   map[flow.OwnerID]flow.OwnerID // granularity peer: group -> container
	merged  map[flow.OwnerID]flow.Owner   // granularity peer: owners of containers
	used    map[flow.OwnerID]bool         // by flows since the last look
	next    uint32                        // sweep of the next look
	fill    uint32                        // records at the last look
	record  tcpwhyOwner
}

func newOwnerTable(records *ebpf.Map, g Granularity) *ownerTable {
	return &ownerTable{
		records: records,
		peer:    g == GranularityPeer,
		merged:  make(map[flow.OwnerID]flow.Owner),
		alias:   make(map[flow.OwnerID]flow.OwnerID),
		used:    make(map[flow.OwnerID]bool),
	}
}

// canonical notes that a flow uses id, and merges the groups of one container.
// The kernel side groups by executable and cgroup, because only here is it known
// what a container is.
func (t *ownerTable) canonical(id flow.OwnerID) flow.OwnerID {
	t.used[id] = true
	if !t.peer || id == (flow.OwnerID{}) {
		return id
	}
	if c, ok := t.alias[id]; ok {
		return c
	}
	o := container(t.read(id))
	if o.ID != id {
		t.merged[o.ID] = o
	}
	t.alias[id] = o.ID
	return o.ID
}

// container is what the groups of one container are merged into. A group in none is
// by itself.
func container(o flow.Owner) flow.Owner {
	if o.ContainerID == "" {
		return o
	}
	h := fnv.New64a()
	h.Write([]byte(o.ContainerID))
	sum := h.Sum64()
	return flow.Owner{ID: flow.OwnerID{Start: uint32(sum), Program: uint32(sum>>32) << flow.PIDBits}, ContainerID: o.ContainerID, PodUID: o.PodUID}
}

func (t *ownerTable) lookup(id flow.OwnerID) flow.Owner {
	if o, ok := t.merged[id]; ok {
		return o
	}
	return t.read(id)
}

func (t *ownerTable) read(id flow.OwnerID) flow.Owner {
	o := flow.Owner{ID: id}
	err := t.records.Lookup(encodeOwner(id), &t.record)
	if err != nil || t.record.Ready == 0 {
		return o
	}
	o.Executable = text(t.record.Exe[:])
	names := make([]string, 0, len(t.record.Cgroup))
	for i := range t.record.Cgroup {
		names = append(names, text(t.record.Cgroup[i][:]))
	}
	o.ContainerID, o.PodUID = cgroup.Identify(names)
	return o
}

// expire deletes records of processes that are dead, had no flow since the last
// look, and have neither connected nor listened for as long. A group's record
// comes back with its next connection.
func (t *ownerTable) expire(sweep uint32, full bool) error {
	if sweep < t.next && !full {
		return nil
	}
	t.next = sweep + expireEvery
	unused, err := t.unused(sweep)
	if err != nil {
		return fmt.Errorf("list owners: %w", err)
	}
	for _, key := range unused {
		if err := t.delete(key, sweep); err != nil {
			return fmt.Errorf("delete owner %d: %w", decodeOwner(key).PID(), err)
		}
	}
	t.prune()
	clear(t.used)
	return nil
}

func (t *ownerTable) unused(sweep uint32) ([]tcpwhyOwnerKey, error) {
	var key tcpwhyOwnerKey
	var unused []tcpwhyOwnerKey
	var fill uint32
	entries := t.records.Iterate()
	for entries.Next(&key, &t.record) {
		fill++
		id := decodeOwner(key)
		if !t.used[id] && !recent(&t.record, sweep) && (id.PID() == 0 || !alive(id)) {
			unused = append(unused, key)
		}
	}
	switch err := entries.Err(); {
	case err == nil:
		t.fill = fill
	case !errors.Is(err, ebpf.ErrIterationAborted):
		return nil, err
	}
	return unused, nil
}

// recent reports whether a record may have flows that nobody has drained yet.
func recent(o *tcpwhyOwner, sweep uint32) bool { return sweep-o.Seen < expireEvery }

// delete puts the record back if it was needed again meanwhile.
func (t *ownerTable) delete(key tcpwhyOwnerKey, sweep uint32) error {
	err := t.records.LookupAndDelete(&key, &t.record)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	delete(t.alias, decodeOwner(key))
	if !recent(&t.record, sweep) {
		return nil
	}
	err = t.records.Update(&key, &t.record, ebpf.UpdateNoExist)
	if errors.Is(err, ebpf.ErrKeyExist) {
		return nil
	}
	return err
}

// prune forgets containers without groups.
func (t *ownerTable) prune() {
	containers := make(map[flow.OwnerID]bool, len(t.alias))
	for _, c := range t.alias {
		containers[c] = true
	}
	for c := range t.merged {
		if !containers[c] {
			delete(t.merged, c)
		}
	}
}

// alive reports whether a process has that PID. A stranger with a re-used one
// only makes the record live longer.
func alive(id flow.OwnerID) bool {
	err := unix.Kill(int(id.PID()), 0)
	return err == nil || errors.Is(err, unix.EPERM)
}

// text is a C string.
func text(c []int8) string {
	b := make([]byte, 0, len(c))
	for _, ch := range c {
		if ch == 0 {
			break
		}
		b = append(b, byte(ch))
	}
	return string(b)
}
