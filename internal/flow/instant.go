// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

// An Instant is one moment on two clocks.
type Instant struct {
	Wall uint64 // nanoseconds since 1970
	Boot uint64 // nanoseconds of CLOCK_MONOTONIC, the kernel's and the flows'
}

// At is a reading of CLOCK_MONOTONIC, not after now, on the wall clock.
func (now Instant) At(boot uint64) uint64 { return now.Wall - (now.Boot - min(boot, now.Boot)) }

// start returns when a flow began, on the wall clock: at since, a reading of
// CLOCK_MONOTONIC, or at earliest where that is unknown or before, and at now
// at the latest.
func (now Instant) start(since uint64, earliest Instant) uint64 {
	start := earliest.Wall
	if since > earliest.Boot && since <= now.Boot {
		start = max(start, now.Wall-(now.Boot-since))
	}
	return min(start, now.Wall)
}
