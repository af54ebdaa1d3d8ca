// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

import "time"

// A phase is a flow's place in its life. Only what was exported moves it on:
// a flow whose totals or whose end nobody accepted tries again.
type phase uint8

const (
	active phase = iota
	final        // idle for long enough: the next totals are the last
	ended        // its last totals were exported: the mark of the end follows
	gone         // that was exported too
)

// live notes a sign of life at now. A flow whose end was exported but not
// accepted goes on as if nothing had been: no count of it was lost.
func (f *Flow) live(now Instant) { f.phase, f.alive = active, now.Boot }

// rest notes that nothing was seen of the flow until now: it has no open
// connections, and after an idle time without any it ends.
func (f *Flow) rest(now Instant, idle time.Duration) {
	f.Live, f.Now = [NumLive]uint32{}, Gauges{}
	if f.phase == active && now.Boot-f.alive >= uint64(idle) {
		f.phase = final
	}
}

// commit moves the flow on after its phase was exported.
func (f *Flow) commit() {
	if f.phase != active {
		f.phase++
	}
}
