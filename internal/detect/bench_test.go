// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package detect_test

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/ratio"
	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
)

var sizes = []int{1, 64, 1000, 100_000}

// benchmark judges windows of so many series below two parents each.
func benchmark[S, P, D any](b *testing.B, detector detect.Detector[S, P, D], data func(id, w int) *D) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("series=%d", size), func(b *testing.B) {
			f := detect.NewFamily(detector, size)
			emit := func(detect.Series, detect.Verdict) {}
			w := 0
			window := func() {
				for id := range size {
					series := detect.Series{ID: uint64(id), Parents: [3]uint64{1 + uint64(id/20), 1 << 40}}
					f.Observe(detect.Window(w), series, data(id, w), emit)
				}
				f.Finish(detect.Window(w), emit)
				w++
			}
			window()
			b.ReportAllocs()
			var begin, end syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &begin)
			for b.Loop() {
				window()
			}
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &end)
			// CPU time, so that whatever else runs does not count.
			b.ReportMetric(float64(end.Utime.Nano()-begin.Utime.Nano())/float64(b.N*size), "ns/point")
		})
	}
}

func BenchmarkRatio(b *testing.B) {
	d, err := ratio.New(ratio.Episodes(width, 18))
	if err != nil {
		b.Fatal(err)
	}
	var counts [64]ratio.Counts
	src := newSource(1, 1)
	for i := range counts {
		n := src.count(5000)
		counts[i] = ratio.Counts{Trials: n, Events: src.poisson(n * usualShare)}
	}
	benchmark(b, d, func(id, w int) *ratio.Counts { return &counts[(id+7*w)%len(counts)] })
}

func BenchmarkShift(b *testing.B) {
	d, err := shift.New(shift.RTT(width, 18))
	if err != nil {
		b.Fatal(err)
	}
	var histograms [64]shift.Histogram
	p := path{wander: wander{0.1, 0.002, 200}, source: newSource(1, 1)}
	for i := range histograms {
		p.draw(&histograms[i], 1)
	}
	benchmark(b, d, func(id, w int) *shift.Histogram { return &histograms[(id+7*w)%len(histograms)] })
}
