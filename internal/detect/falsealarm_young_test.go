// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// How many of the shifts are seen in a quarter of an hour that begin soon after a series does, before it knows
// how it varies by itself.
func TestFalseAlarmYoung(t *testing.T) {
	r := newReport("shift-young", "round trips", "times", "after 2 min", "after 3 min", "after 4 min", "after 6 min", "after 10 min", "after 20 min")
	d := newRTT(t)
	for _, wander := range wanders {
		for _, times := range []float64{2, 5, 20} {
			row := []string{wander.String(), fmt.Sprintf("×%g", times)}
			src, runs := newSource(*seed, 5), min(500, 20+*days/2)
			for _, after := range [...]time.Duration{2, 3, 4, 6, 10, 20} {
				seen := 0
				for range runs {
					if slower(d, path{wander: wander, source: src}, times, after*time.Minute) > 0 {
						seen++
					}
				}
				if times >= 5 {
					assert.GreaterOrEqual(t, seen*100, runs*70, "%v, ×%g, after %v", wander, times, after*time.Minute)
				}
				row = append(row, fmt.Sprintf("%d of %d", seen, runs))
			}
			r.row(row...)
		}
	}
	r.finish(t)
}
