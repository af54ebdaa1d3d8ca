// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

// Stats counts what was not simply added. All of it is since the start.
type Stats struct {
	// Late points had been overtaken. A cumulative one is in what came before it. A
	// delta is added, if it is not too late to know that it has not been before.
	Late uint64
	// Forgotten points are deltas too late for that, and cumulative ones of series that
	// may have been forgotten, of before they were. They are not added.
	Forgotten uint64
	// Duplicate points had been there before.
	Duplicate uint64
	// Resets are flows whose start changed, and points whose value fell.
	Resets uint64
	// Baselines are cumulative series that may be older than what is remembered: what
	// they had counted before is not added.
	Baselines uint64
	// Ahead are cumulative series, and deltas, that began later than now by what they say. They are added.
	Ahead uint64
	// Overflow points went to an overflow series, because there were too many others.
	Overflow uint64
	// Refused points belong to series that there was no room to remember.
	Refused uint64
	// Invalid points have a value that cannot be added up.
	Invalid uint64
}
