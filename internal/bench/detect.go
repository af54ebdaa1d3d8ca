// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/ratio"
	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
)

// detect prints what it takes to judge a series' window, below two parents.
func (b *bench) detect() error {
	const width, threshold = 10 * time.Second, 18
	episodes, err := ratio.New(ratio.Episodes(width, threshold))
	if err != nil {
		return err
	}
	trips, err := shift.New(shift.RTT(width, threshold))
	if err != nil {
		return err
	}
	counts := ratio.Counts{Trials: 5000, Events: 2}
	var histogram shift.Histogram
	for i := range 12 {
		histogram.Counts[15+i] = uint32(1 + 10*min(i, 11-i))
	}
	t := newTable("Detection: CPU ns a data point", "series", "ratio", "objects", "shift", "objects")
	for _, c := range []struct {
		name string
		sequence
	}{{"1", sequence{1, 1}}, {"64", sequence{64, 1}}, {"1000", sequence{1000, 1}}, {"100000", sequence{100_000, 1}}, {"  in no order", sequence{100_000, shuffle}}} {
		r, err := judge(b, detect.NewFamily(episodes, c.size), c.sequence, &counts)
		if err != nil {
			return err
		}
		s, err := judge(b, detect.NewFamily(trips, c.size), c.sequence, &histogram)
		if err != nil {
			return err
		}
		t.row(c.name, number(r.cpu), fmt.Sprintf("%.4f", r.objects), number(s.cpu), fmt.Sprintf("%.4f", s.objects))
	}
	t.note("a series' state takes %d B and %d B", unsafe.Sizeof(ratio.State{}), unsafe.Sizeof(shift.State{}))
	return t.print(b.out)
}

// A sequence is which of so many series comes when: each window in the order in which they
// came first, or in strides of shuffle in every other one.
type sequence struct{ size, stride int }

const shuffle = 7919 // a prime that divides no size

func (o sequence) series(window detect.Window, n int) uint64 {
	if window%2 == 0 {
		return uint64(n)
	}
	return uint64(n * o.stride % o.size)
}

// A judged is what a data point took.
type judged struct{ cpu, objects float64 }

// judge takes the least of several runs of 100,000 points or more: whatever else
// the machine does adds to it.
func judge[S, P, D any](b *bench, f *detect.Family[S, P, D], o sequence, data *D) (least judged, err error) {
	windows := max(2, 100_000/o.size)
	emit := func(detect.Series, detect.Verdict) {}
	w := detect.Window(0)
	run := func() {
		for range windows {
			for n := range o.size {
				id := o.series(w, n)
				f.Observe(w, detect.Series{ID: id, Parents: [3]uint64{1 + id/20, 1 << 40}}, data, emit)
			}
			f.Finish(w, emit)
			w++
		}
	}
	run()
	for i := range b.repetitions {
		start, err := readUsage()
		if err != nil {
			return judged{}, err
		}
		run()
		end, err := readUsage()
		if err != nil {
			return judged{}, err
		}
		points := float64(windows * o.size)
		j := judged{float64((end.cpu - start.cpu).Nanoseconds()) / points, float64(end.objects-start.objects) / points}
		if i == 0 || j.cpu < least.cpu {
			least = j
		}
	}
	return least, nil
}
