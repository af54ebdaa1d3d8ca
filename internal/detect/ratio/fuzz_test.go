// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

// FuzzObserve gives a series whatever there is: each 12 bytes are a step ahead,
// trials and events, and every so often one that is no number.
func FuzzObserve(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 100, 0, 0, 0, 3, 0, 0, 0})
	f.Add([]byte("rises and falls, gaps and nonsense, on and on and on"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, config := range []Config{
			Episodes(10*time.Second, 16), Connects(time.Second, 12), Resets(time.Minute, 20),
		} {
			d, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			s, w, opened := d.Start(), detect.Window(0), false
			var pool Pool
			for rest := data; len(rest) >= 12; rest = rest[12:] {
				w += detect.Window(int8(rest[0]))
				c := Counts{number(rest[4:]), number(rest[8:])}
				for range 1 + rest[1]%64 {
					d.Inherit(&s, &[3]*Pool{&pool})
					step := d.Observe(&s, w, &c)
					d.Teach(&pool, &s, w, &c)
					opened = check(t, d, &s, step, opened)
					w++
				}
			}
		}
	})
}

func number(b []byte) float64 {
	switch v := binary.LittleEndian.Uint32(b); v % 61 {
	case 7:
		return math.NaN()
	case 8:
		return math.Inf(1)
	case 9:
		return -float64(v)
	case 10:
		return math.MaxFloat32
	default:
		return float64(v >> (v % 32))
	}
}

// check holds what is always so, and returns whether an anomaly is open now.
func check(t *testing.T, d *Detector, s *State, step detect.Step, opened bool) bool {
	t.Helper()
	for i := range s.rises {
		if sum := s.rises[i].sum; !(sum >= 0 && sum <= math.MaxFloat32) {
			t.Fatalf("S = %g", sum)
		}
	}
	if opened != (step == detect.Closed || step == detect.Updated || step == detect.Nothing && opened) {
		t.Fatalf("step %v while open is %v", step, opened)
	}
	if step == detect.Nothing {
		return opened
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
