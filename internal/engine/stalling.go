// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/tcpwhy/tcpwhy/internal/detect"

// minWrites is how many exchanges show whether small writes wait.
const minWrites = 5

// stalling judges by how many of its exchanges wait, since any did, beside the pair of pods of which most do: who has hardly
// any says nothing.
func stalling(v *view) func(t *track, all float64) float64 {
	onset := v.window
	for _, t := range v.tracks {
		for i := range t.past {
			if p := &t.past[i]; p.report.Stalls > 0 {
				onset = min(onset, p.window)
			}
		}
	}
	worst := 0.
	for _, t := range v.tracks {
		if share, exchanges := t.stalls(onset); exchanges >= minWrites {
			worst = max(worst, share)
		}
	}
	if worst == 0 {
		return troubled(v, troubleStall)
	}
	return func(t *track, all float64) float64 {
		switch share, exchanges := t.stalls(onset); {
		case exchanges < minWrites:
			return 0
		case share >= troubledShare*worst:
			return all
		}
		return -all
	}
}

// stalls is how many waits there were to each exchange since a window.
func (t *track) stalls(since detect.Window) (share float64, exchanges uint64) {
	stalls := uint64(0)
	for i := range t.past {
		if p := &t.past[i]; p.window >= since {
			stalls, exchanges = stalls+p.report.Stalls, exchanges+p.report.Exchanges
		}
	}
	return float64(stalls) / float64(max(exchanges, 1)), exchanges
}
