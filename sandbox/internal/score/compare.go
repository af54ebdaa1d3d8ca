// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package score

// An Agreement is one share of two scores.
type Agreement struct {
	Name string
	A, B Share
}

// Known tells whether both have cases; of none nothing can be said.
func (a Agreement) Known() bool { return a.A.Of > 0 && a.B.Of > 0 }

// Agree tells whether the intervals have something in common.
func (a Agreement) Agree() bool { return a.A.Low <= a.B.High && a.B.Low <= a.A.High }

// Compare sets the shares of two scores beside each other.
func Compare(a, b Score) []Agreement {
	x, y := a.Summarise("", every), b.Summarise("", every)
	return []Agreement{
		{"recall", x.Recall, y.Recall},
		{"type right", x.Right, y.Right},
		{"AC@1", x.First, y.First},
		{"AC@3", x.Third, y.Third},
		{"level right", x.Level, y.Level},
		{"precision", a.Precision(), b.Precision()},
	}
}
