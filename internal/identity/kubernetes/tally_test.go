// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// enough is how many answers of a kind have to be right.
const enough = 100

// A tally counts answers. Certain are those that had to be right, and were. Told are some of
// the wrong ones.
type tally struct {
	Right, LastKnown, Unknown, Between, Certain, Wrong int
	told                                               []string
}

// Tallies are by kind.
type tallies [kinds]tally

// count counts answers. Of those that were asked again, when all was told, some have to be
// right.
func (c *churn) count(all []*question, again bool) *tallies {
	var sums tallies
	for _, q := range all {
		v := c.judge(q)
		if again {
			if name := c.certain(q); name != "" && name != q.told {
				v = wrong
			} else if name != "" {
				sums[q.kind].Certain++
			}
		}
		sums[q.kind].add(v, q, c)
	}
	return &sums
}

func (y *tally) add(v verdict, q *question, c *churn) {
	switch v {
	case right:
		y.Right++
	case lastKnown:
		y.LastKnown++
	case unknown:
		y.Unknown++
	case between:
		y.Between++
	case wrong:
		if y.Wrong++; y.Wrong <= 3 {
			holders, sure := c.holders(q)
			y.told = append(y.told, fmt.Sprintf("asked who was %s%q at %s: %s, but it was %q (sure: %t; lost %s, heard %s)",
				q.ip, q.always, q.at, q.told, holders, sure, q.lost, q.heard))
		}
	}
}

// check wants no wrong answer of any kind, and enough right ones.
func (s *tallies) check(t *testing.T, when string) {
	for k := range kinds {
		y := &s[k]
		t.Logf("%s, %s: %d right, %d last known, %d unknown, %d while nobody had it, %d certain, %d wrong",
			when, k, y.Right, y.LastKnown, y.Unknown, y.Between, y.Certain, y.Wrong)
		assert.Zero(t, y.Wrong, "%s, %s: %q", when, k, y.told)
		assert.Greater(t, y.Right, enough, "%s, %s", when, k)
	}
}
