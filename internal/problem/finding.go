// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"slices"
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
	Symptom  bool      // another one explains it
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
	Type     string   // value of tcp.problem.type
	Class    string   // types of one class may be symptoms of one fault
	Rank     int      // of its rule: one with a lower rank explains others, not the other way round
	Rule     string   // the type that its rule is named by
	Symptoms []string // rules of what it may explain; of its own class, if their rank is higher
	Severity Severity
	Root     localize.Root
	Side     string // sender, receiver, listener or path
	Node     localize.Name
	Remote   localize.Name
	Title    string // one sentence
	Advice   string
	AdviceID string
	Belated  bool            // what it counts comes minutes after what has made it
	Edges    []Pair          // those that the root explains, as workloads; each pair once, at most 100
	Direct   []localize.Name // workloads at the edges
	Affected []localize.Name // who calls them
	Members  []Anomaly
}

// opens tells whether the finding is enough for a problem. A symptom speaks for what it is one of, but
// not alone.
func (f *Finding) opens() bool {
	corroborated := 0
	for i := range f.Members {
		switch a := &f.Members[i]; {
		case a.Gate == Alone && !a.Symptom:
			return true
		case a.Gate != Evidence:
			corroborated++
		}
	}
	return corroborated >= 2
}

// isCauseOf tells whether another finding is of a kind that this one explains.
func (f *Finding) isCauseOf(other *Finding) bool {
	return slices.Contains(f.Symptoms, other.Rule) && (f.Class != other.Class || f.Rank < other.Rank)
}

// onset is when the first of what is no symptom began.
func (f *Finding) onset() time.Time {
	return f.first(func(*Anomaly) bool { return true })
}

// first is the earliest beginning of those that are no symptoms and count; zero if none does.
func (f *Finding) first(counts func(*Anomaly) bool) time.Time {
	var first time.Time
	for i := range f.Members {
		a := &f.Members[i]
		if !a.Symptom && (first.IsZero() || a.Onset.Before(first)) && counts(a) {
			first = a.Onset
		}
	}
	return first
}

// pairs are those of its members.
func (f *Finding) pairs() []Pair {
	var pairs []Pair
	for i := range f.Members {
		if p := (Pair{f.Members[i].Sender, f.Members[i].Receiver}); p != (Pair{}) && !slices.Contains(pairs, p) {
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// touches tells whether a workload is at an end of one of its pairs.
func (f *Finding) touches(workload localize.Name) bool {
	return slices.ContainsFunc(f.Members, func(a Anomaly) bool { return a.Sender == workload || a.Receiver == workload })
}
