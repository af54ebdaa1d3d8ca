// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

// A ResetReason counts RSTs that were sent for one reason.
type ResetReason struct {
	Name  string // the kernel's; empty if it does not tell
	Count uint64
}

// AddResetReasons adds more to sums, each reason once, and returns them.
func AddResetReasons(sums, more []ResetReason) []ResetReason {
next:
	for _, m := range more {
		for i := range sums {
			if sums[i].Name == m.Name {
				sums[i].Count += m.Count
				continue next
			}
		}
		sums = append(sums, m)
	}
	return sums
}
