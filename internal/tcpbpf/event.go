// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// Events reads what happened to single connections, as it comes. Its methods may be
// called beside those of the [Kernel]; Read by one goroutine at a time.
type Events struct {
	reader *ringbuf.Reader
	owners *ownerTable // for its record alone: the kernel's is not to be shared
	stats  *ebpf.Map
	sample ringbuf.Record
	record tcpwhyEvent
}

// Events begins to read them. It is to be closed before the kernel side is.
func (k *Kernel) Events() (*Events, error) {
	reader, err := ringbuf.NewReader(k.objects.Events)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return &Events{
		reader: reader,
		owners: &ownerTable{records: k.objects.Owners, peer: k.peer},
		stats:  k.objects.Stats,
	}, nil
}

// Read returns the next event. Its error is [os.ErrDeadlineExceeded] if none comes in
// time; after [Events.Flush] it is [io.EOF], once, when there are no more.
func (e *Events) Read(deadline time.Time) (flow.Event, error) {
	e.reader.SetDeadline(deadline)
	switch err := e.reader.ReadInto(&e.sample); {
	case errors.Is(err, ringbuf.ErrFlushed):
		return flow.Event{}, io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return flow.Event{}, os.ErrDeadlineExceeded
	case err != nil:
		return flow.Event{}, fmt.Errorf("read event: %w", err)
	}
	if _, err := binary.Decode(e.sample.RawSample, binary.NativeEndian, &e.record); err != nil {
		return flow.Event{}, fmt.Errorf("decode event of %d bytes: %w", len(e.sample.RawSample), err)
	}
	event := decodeEvent(&e.record)
	event.Owner = e.owner(event.Key.Owner)
	event.Key.Owner = event.Owner.ID
	return event, nil
}

// owner tells what is known of a process. Nobody waits for its record to go: that stays
// for some sweeps after its last connection.
func (e *Events) owner(id flow.OwnerID) flow.Owner {
	o := e.owners.read(id)
	if e.owners.peer {
		return container(o)
	}
	return o
}

// Flush lets Read return what there is and then end.
func (e *Events) Flush() error { return e.reader.Flush() }

// Drops returns how many events were not handed out since the kernel side was opened.
func (e *Events) Drops() (d flow.EventDrops, err error) {
	if d.Limited, err = readStat(e.stats, tcpwhyStatSTAT_EVENT_LIMITED); err != nil {
		return d, err
	}
	d.Full, err = readStat(e.stats, tcpwhyStatSTAT_EVENT_FULL)
	return d, err
}

// Close ends reading.
func (e *Events) Close() error { return e.reader.Close() }

func decodeEvent(r *tcpwhyEvent) flow.Event {
	e := flow.Event{
		Kind:        flow.EventKind(r.Kind),
		Key:         decodeKey(&r.Key),
		Time:        r.Time,
		Age:         time.Duration(r.Age) * time.Microsecond,
		Bytes:       r.Bytes,
		Retransmits: r.Retransmits,
	}
	if e.Kind == flow.EventReset {
		e.Close = flow.CloseReason(r.Reason)
	} else {
		e.Failure = flow.Failure(r.Reason)
	}
	return e
}

// eventPauses are the ns from one event to the next; 0 is off.
func eventPauses(limits [flow.NumEventKinds]int) (pauses [flow.NumEventKinds]uint64) {
	for kind, limit := range limits {
		if limit > 0 {
			pauses[kind] = uint64(time.Second) / uint64(limit)
		}
	}
	return pauses
}

// eventBuffer is a size in bytes that holds all events of two seconds: what was saved
// up comes at once. The kernel wants a power of two and whole pages.
func eventBuffer(limits [flow.NumEventKinds]int) uint32 {
	const header = 8
	size := 1
	for _, limit := range limits {
		size += 2 * limit * int(header+unsafe.Sizeof(tcpwhyEvent{}))
	}
	return max(uint32(os.Getpagesize()), 1<<bits.Len(uint(size-1)))
}
