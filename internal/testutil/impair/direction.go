// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package impair

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// batch is how many packets are read before those due are released.
const batch = 64

// Stats is what happened to the TCP packets of one direction.
type Stats struct {
	Packets     uint64 // that arrived at the link
	Data        uint64 // of those, with payload
	Dropped     uint64
	DroppedData uint64 // of those, with payload
	Late        uint64 // chosen to be overtaken
	Released    uint64 // written to the other end
	// Lateness is by how much each was released after it was due. It is never
	// negative.
	Lateness []time.Duration
}

// Median returns the middle lateness, 0 if nothing was released.
func (s Stats) Median() time.Duration {
	if len(s.Lateness) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(s.Lateness))[len(s.Lateness)/2]
}

// A direction takes packets from one device to the other, on one thread.
type direction struct {
	from, to, stop int // descriptors
	fates          *fates
	waiting        queue
	last           time.Time    // when the last packet that keeps its place is due
	held           atomic.Int64 // nothing is due before, ns since 1970
	buffer         [1 << 16]byte
	err            error // of run, when it has ended

	mu    sync.Mutex
	stats Stats
}

func newDirection(config Config, from, to, stop int) *direction {
	return &direction{from: from, to: to, stop: stop, fates: newFates(config)}
}

func (d *direction) snapshot() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	stats := d.stats
	stats.Lateness = slices.Clone(stats.Lateness)
	return stats
}

// run works until the stop descriptor is readable.
func (d *direction) run() error {
	// Threads' timers are 50 µs late by default, so that wake-ups can be merged.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set timer slack: %w", err)
	}
	for {
		stopped, err := d.wait()
		if stopped || err != nil {
			return err
		}
		if err := d.receive(); err != nil {
			return err
		}
		if err := d.release(); err != nil {
			return err
		}
	}
}

// wait returns when there is a packet to receive or to release.
func (d *direction) wait() (stopped bool, err error) {
	var timeout *unix.Timespec
	if len(d.waiting) > 0 {
		left := unix.NsecToTimespec(max(0, time.Until(d.waiting[0].due)).Nanoseconds())
		timeout = &left
	}
	fds := []unix.PollFd{
		{Fd: int32(d.stop), Events: unix.POLLIN},
		{Fd: int32(d.from), Events: unix.POLLIN},
	}
	if _, err := unix.Ppoll(fds, timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("wait for packets: %w", err)
	}
	return fds[0].Revents != 0, nil
}

// receive decides about packets that have arrived.
func (d *direction) receive() error {
	for range batch {
		n, err := unix.Read(d.from, d.buffer[:])
		if errors.Is(err, unix.EAGAIN) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read packet: %w", err)
		}
		d.accept(time.Now(), d.buffer[:n])
	}
	return nil
}

func (d *direction) accept(now time.Time, packet []byte) {
	payload, tcp := payload(packet)
	if !tcp {
		_, _ = unix.Write(d.to, packet) // neighbours and routers looking for each other
		return
	}
	next := d.fates.next()
	d.count(next, payload)
	if next.drop {
		return
	}
	due := now.Add(next.delay)
	if held := time.Unix(0, d.held.Load()); due.Before(held) {
		due = held
	}
	if !next.late {
		if due.Before(d.last) {
			due = d.last
		}
		d.last = due
	}
	d.waiting.add(parcel{due: due, number: d.stats.Packets, packet: slices.Clone(packet)})
}

func (d *direction) count(f fate, payload int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	data := uint64(min(payload, 1))
	d.stats.Packets++
	d.stats.Data += data
	switch {
	case f.drop:
		d.stats.Dropped++
		d.stats.DroppedData += data
	case f.late:
		d.stats.Late++
	}
}

// release writes what is due.
func (d *direction) release() error {
	for len(d.waiting) > 0 {
		late := time.Since(d.waiting[0].due)
		if late < 0 {
			return nil
		}
		if _, err := unix.Write(d.to, d.waiting.take().packet); err != nil {
			return fmt.Errorf("write packet: %w", err)
		}
		d.mu.Lock()
		d.stats.Released++
		d.stats.Lateness = append(d.stats.Lateness, late)
		d.mu.Unlock()
	}
	return nil
}
