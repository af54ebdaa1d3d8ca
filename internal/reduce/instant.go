// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// An Instant is a moment here (ns since 1970): by a pace that goes on whatever somebody sets the clock to, and
// by the clock. How long something has been silent is told by the pace, what leaves is told by the clock.
type Instant struct{ Pace, Clock uint64 }

// set is by how much the clock has been set since both were the same: negative is back.
func (i Instant) set() int64 { return int64(i.Clock - i.Pace) }

// clock is what the clock, as it is set now, would have said at a time of the pace.
func (i Instant) clock(pace uint64) uint64 { return after(pace, i.set()) }

// after is a time so much later, or earlier; it is not before 1970.
func after(time uint64, by int64) uint64 {
	if by < 0 {
		return time - min(time, uint64(-by))
	}
	return time + uint64(by)
}
