// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift

import (
	"math"
	"testing"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

// FuzzObserve gives a series whatever there is: each 8 bytes are a step ahead,
// how often, and three buckets with their counts.
func FuzzObserve(f *testing.F) {
	f.Add([]byte{1, 63, 20, 50, 21, 90, 22, 30, 1, 63, 26, 50, 27, 90, 28, 30})
	f.Add([]byte("round trips that come and go, long and short, many and few"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := New(RTT(10*time.Second, 12))
		if err != nil {
			t.Fatal(err)
		}
		s, w, opened := d.Start(), detect.Window(0), false
		var pool Pool
		for rest := data; len(rest) >= 8; rest = rest[8:] {
			w += detect.Window(rest[0] % 64)
			var h Histogram
			for i := 2; i < 8; i += 2 {
				h.Counts[rest[i]%Buckets] = uint32(1) << (rest[i+1] % 32) >> 1
			}
			for range 1 + rest[1]%64 {
				d.Inherit(&s, &[3]*Pool{&pool})
				step := d.Observe(&s, w, &h)
				d.Teach(&pool, &s, w, &h)
				opened = check(t, d, &s, step, opened)
				w++
			}
		}
	})
}

// check holds what is always so, and returns whether an anomaly is open now.
func check(t *testing.T, d *Detector, s *State, step detect.Step, opened bool) bool {
	t.Helper()
	if !(s.sum >= 0 && s.sum <= math.MaxFloat32) {
		t.Fatalf("S = %g", s.sum)
	}
	if scale := s.noise.scale(); !(scale >= 0 && scale <= mostScale) {
		t.Fatalf("scale %g of %+v", scale, s.noise)
	}
	if step == detect.Nothing {
		return opened
	}
	if opened == (step == detect.Opened) {
		t.Fatalf("step %v while open is %v", step, opened)
	}
	v := d.Verdict(s, step)
	for _, x := range []float64{v.Baseline, v.Value, v.Peak, v.Ratio, v.Evidence} {
		if !(x >= 0 && x <= math.MaxFloat32) {
			t.Fatalf("verdict %+v", v)
		}
	}
	if v.Start.After(v.Detected) || step == detect.Closed && v.End.Before(v.Start) {
		t.Fatalf("verdict %+v", v)
	}
	return step != detect.Closed
}

// FuzzAdd feeds the decoders: what they refuse changes nothing, and what they
// take is all there.
func FuzzAdd(f *testing.F) {
	f.Add(2, -40, uint64(3), 0.5)
	f.Fuzz(func(t *testing.T, scale, offset int, count uint64, bound float64) {
		var h Histogram
		if offset > -1<<30 && offset < 1<<30 && h.AddExponential(scale, offset, []uint64{count}) == nil {
			if h.Total() != min(count, math.MaxUint32) {
				t.Fatalf("%d of %d", h.Total(), count)
			}
		} else if h != (Histogram{}) {
			t.Fatal("changed")
		}
		h = Histogram{}
		if h.AddExplicit([]float64{bound}, []uint64{count, 0}) == nil && h.Total() != min(count, math.MaxUint32) {
			t.Fatalf("%d of %d at %g", h.Total(), count, bound)
		}
	})
}
