// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"time"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// A Gate says what it takes for an anomaly to open a problem.
type Gate uint8

// Gates.
const (
	// Evidence supports a problem and opens none.
	Evidence Gate = iota
	// Corroborated opens one together with another such anomaly of the same finding.
	Corroborated
	// Alone opens one by itself.
	Alone
)

// An Anomaly is one series that rose, or one rule that matched, and has not ended.
type Anomaly struct {
	ID       string
	Gate     Gate
	Onset    time.Time // when the trouble began
	Sender   localize.Name
	Receiver localize.Name // of the pair; both may be empty
}

// A Severity says how urgent a problem is.
type Severity uint8

// Severities.
const (
	Warn  Severity = iota // the evidence alone
	Error                 // users notice: an absolute limit is passed, or many services are hit
)

// A Finding is what one root explains at one moment.
type Finding struct {
	Type     string // value of tcp.problem.type
	Class    string // types of one class may be symptoms of one fault
	Severity Severity
	Root     localize.Root
	Side     string // sender, receiver or path
	Node     localize.Name
	Remote   localize.Name
	Title    string // one sentence
	Advice   string
	AdviceID string
	Direct   []localize.Name // workloads at the edges
	Affected []localize.Name // who calls them
	Members  []Anomaly
}

// opens tells whether the finding is enough for a problem.
func (f *Finding) opens() bool {
	corroborated := 0
	for i := range f.Members {
		switch f.Members[i].Gate {
		case Alone:
			return true
		case Corroborated:
			corroborated++
		}
	}
	return corroborated >= 2
}

// onset is the earliest beginning.
func (f *Finding) onset() time.Time {
	var first time.Time
	for i := range f.Members {
		if at := f.Members[i].Onset; first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
