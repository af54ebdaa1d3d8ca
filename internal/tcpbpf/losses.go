// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// losses tells how complete an interval is.
type losses struct {
	objects  *objects
	progress tcpwhyProgress // of the last sweep
	deferred uint64         // by its last round
	before   uint64         // in all, when that began
	predates uint64         // the most that were seen at once
	skipped  uint64         // in all sweeps since the last report
	cleared  uint64
	last     [flow.NumLostReasons]uint64 // counters of the kernel side at the last report
	current  flow.Report
}

// begin forgets the sweep before.
func (l *losses) begin() error {
	l.progress, l.before = tcpwhyProgress{}, 0
	if err := l.objects.Progress.Put(uint32(0), &l.progress); err != nil {
		return fmt.Errorf("reset progress: %w", err)
	}
	return nil
}

// look reads what the sweep has seen so far. Who is deferred is visited again in each
// round.
func (l *losses) look() error {
	if err := l.peek(); err != nil {
		return err
	}
	l.deferred, l.before = l.progress.Deferred-l.before, l.progress.Deferred
	return nil
}

// peek reads it within a round.
func (l *losses) peek() error {
	if err := l.objects.Progress.Lookup(uint32(0), &l.progress); err != nil {
		return fmt.Errorf("read progress: %w", err)
	}
	return nil
}

// swept notes what the sweep has seen.
func (l *losses) swept() {
	l.skipped += l.progress.Skipped
	l.cleared += l.progress.Cleared
}

func (l *losses) open() { l.current = flow.Report{} }

// describe counts the connections of a delta.
func (l *losses) describe(d *flow.Delta) {
	var n uint64
	for _, live := range d.Live {
		n += uint64(live)
	}
	for _, closed := range d.Closed {
		n += closed
	}
	if d.Key.Overflow {
		l.current.Missed += n
		return
	}
	l.current.Described += n
}

func (l *losses) report() (flow.Report, error) {
	r := &l.current
	now, err := l.counters()
	if err != nil {
		return flow.Report{}, err
	}
	for reason := range now {
		r.Lost[reason] = now[reason] - l.last[reason]
	}
	l.last = now
	r.Lost[flow.LostSweepSkipped], l.skipped = l.skipped, 0
	r.Lost[flow.LostCallbacksCleared], l.cleared = l.cleared, 0
	r.Lost[flow.LostDeferred] = l.deferred
	if l.progress.Predates > l.predates {
		r.Lost[flow.LostPredates] = l.progress.Predates - l.predates
		l.predates = l.progress.Predates
	}
	r.Missed += l.deferred
	for _, reason := range []flow.LostReason{flow.LostNoStorage, flow.LostNotFound, flow.LostRecursion} {
		r.Missed += r.Lost[reason]
	}
	muted := min(l.progress.Muted, r.Described)
	r.Described -= muted
	r.Missed += muted
	return *r, nil
}

// counters reads what the kernel side counts since it was loaded.
func (l *losses) counters() (now [flow.NumLostReasons]uint64, err error) {
	for reason, stat := range map[flow.LostReason]tcpwhyStat{
		flow.LostOverflow:   tcpwhyStatSTAT_OVERFLOW,
		flow.LostNoStorage:  tcpwhyStatSTAT_NO_STORAGE,
		flow.LostNotFound:   tcpwhyStatSTAT_NOT_FOUND,
		flow.LostOwnerTable: tcpwhyStatSTAT_OWNER_FULL,
	} {
		if now[reason], err = readStat(l.objects.Stats, stat); err != nil {
			return now, err
		}
	}
	if destroy := l.objects.programs[ProgramDestroy]; destroy != nil {
		s, err := destroy.Stats()
		if err != nil {
			return now, fmt.Errorf("read statistics of %s: %w", destroy, err)
		}
		now[flow.LostRecursion] = s.RecursionMisses
	}
	return now, nil
}
