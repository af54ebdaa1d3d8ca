// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio

import (
	"math"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

const (
	// alternatives is how many sizes of rise are looked for at once: one of three
	// times the baseline finds the small ones, but evidence for a large one
	// mounts up far faster if a large one is what is looked for.
	alternatives = 2
	least        = 3 // times the baseline, which is the first alternative
	farther      = 4 // times the first, which is the second

	// hits is in how many windows there must be events. One burst that reaches
	// over a window's end is in two.
	hits = 3
	// clip is the share of the threshold that one window can contribute.
	clip = 0.65
	// most is the baseline of which nothing more is looked for.
	most = 0.5
)

// alternative is the share that a rise is tested for:
//
//	p1 = min((1 + p0)/2, max(3·p0, p0 + δ))    and four times that
func alternative(i int, p0, step float64) float64 {
	p1 := max(least*p0, p0+step)
	if i > 0 {
		p1 *= farther
	}
	return min(p1, (1+p0)/2)
}

// add adds a window of n trials and r events to one alternative:
//
//	z = min(h·clip, [r·ln(p1/p0) + (n−r)·ln((1−p1)/(1−p0))] / φ)
//	S = max(0, S + z)
//
// E[e^z] ≤ 1 for every share up to p0, so that S seldom becomes large without a
// rise. Where S is zero the excursion begins anew.
func (e *rise) add(w detect.Window, n, r, p0, p1, phi, limit float64) {
	z := (n - r) * (math.Log1p(-p1) - math.Log1p(-p0))
	if r > 0 {
		z += r * math.Log(p1/p0)
	}
	z = min(z/phi, limit)
	if e.sum == 0 {
		if z <= 0 {
			return
		}
		*e = rise{since: w}
	}
	e.sum += z
	if e.sum <= 0 {
		*e = rise{}
		return
	}
	e.trials += n
	e.events += r
	if r > 0 {
		e.hits++
	}
}

// evidence is that of all alternatives together, each being as likely:
//
//	S = ln(mean e^Si)
//
// and best the alternative that contributes most.
func (s *State) evidence() (evidence float64, best *rise) {
	a, b := &s.rises[0], &s.rises[1]
	if a.sum < b.sum {
		a, b = b, a
	}
	return a.sum + math.Log1p(math.Exp(b.sum-a.sum)) - math.Ln2, a
}
