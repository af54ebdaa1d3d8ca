// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// TestNextFaultIsAnotherProblem lets a fault of many pairs end, of which half fall silent, so that
// nobody knows for five minutes. Meanwhile another fault begins on one of the others.
func TestNextFaultIsAnotherProblem(t *testing.T) {
	w := newWorld(t, width)
	var wide []*link
	for i := range 8 {
		request, _ := w.talk(pod(fmt.Sprintf("client-%d", i), 0, i), pod("server", 0, 9))
		wide = append(wide, request)
	}
	w.run(60)
	for _, l := range wide {
		l.loss = .03
	}
	w.run(8)
	first := w.last(t).Problem
	assert.Equal(t, "node node-9", first.Root.Place.String())
	for i, l := range wide {
		l.loss = 1e-4
		if i%2 == 1 {
			l.segments = 0
		}
	}
	w.run(12)
	assert.Equal(t, 1, w.Sizes().Problems, "of the silent ones nothing is known")
	w.told = nil
	wide[0].loss = .03
	w.run(5)
	assert.Equal(t, "open tcp_retransmit_rise pair shop/client-0 → shop/server", w.told[0])
	wide[0].loss = 1e-4
	w.run(30)
	assert.Zero(t, w.Sizes().Problems)
	for _, event := range w.news {
		if p := event.Problem; p != nil && p.State == problem.Close && p.Problem.ID == first.ID {
			assert.Equal(t, "node node-9", p.Problem.Root.Place.String(), "as it was seen last")
			return
		}
	}
	assert.Fail(t, "the first one has not ended")
}
