// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/ratio"
)

// TestFalseAlarmTogether injects loss into some of 2,000 series of unlike
// traffic, and counts what is opened that is not among them.
func TestFalseAlarmTogether(t *testing.T) {
	const series, hour = 2000, int(time.Hour / width)
	r := newReport("ratio-together", "of 2,000 series", "hours", "seen in 5 min", "delay median", "p90", "opened", "false of them", "share")
	for _, bad := range []uint64{0, 5, 20, 50, 200} {
		src, hours := newSource(*seed, 5), max(1, *days/100)
		var delays []float64
		opened, wrong := 0, 0
		for range hours {
			f := newFamily(t, series, detect.Threshold(series, width, 1))
			seen := map[uint64]bool{}
			for w := range detect.Window(hour) {
				emit := func(s detect.Series, v detect.Verdict) {
					switch {
					case v.Step != detect.Opened:
					case s.ID <= bad && int(w) >= hour-30:
						opened++
						if !seen[s.ID] {
							delays = append(delays, float64(int(w)+1-(hour-30))*width.Seconds())
						}
						seen[s.ID] = true
					default:
						opened++
						wrong++
					}
				}
				for id := uint64(1); id <= series; id++ {
					share := usualShare
					if id <= bad && int(w) >= hour-30 {
						share = 0.01
					}
					n := src.count([]float64{50, 500, 5000}[id%3])
					c := ratio.Counts{Trials: n, Events: min(n, src.bursts(n*share, 1, 3))}
					f.Observe(w, detect.Series{ID: id, Parents: [3]uint64{1 + id%40, 100}}, &c, emit)
				}
				f.Finish(w, emit)
			}
		}
		share := float64(wrong) / float64(max(1, opened))
		r.row(fmt.Sprintf("%d lose 1 %%", bad), fmt.Sprint(hours), fmt.Sprintf("%d of %d", len(delays), int(bad)*hours),
			quantile(delays, 0.5), quantile(delays, 0.9), fmt.Sprint(opened), fmt.Sprint(wrong), fmt.Sprintf("%.1f %%", 100*share))
		if bad >= 20 {
			assert.LessOrEqual(t, share, 0.05, "%d bad", bad)
		}
	}
	r.finish(t)
}
