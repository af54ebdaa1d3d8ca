// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package reduce

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// at is a moment of a clock that nobody sets.
func at(ns uint64) Instant { return Instant{Pace: ns, Clock: ns} }

func TestAnInstantOfAClockThatWasSet(t *testing.T) {
	back := Instant{Pace: 500, Clock: 200}
	assert.Equal(t, int64(-300), back.set())
	assert.Equal(t, uint64(150), back.clock(450))
	assert.Zero(t, back.clock(100), "not before 1970")
	assert.Equal(t, uint64(750), Instant{Pace: 500, Clock: 800}.clock(450))
}
