// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

const (
	// maxMembers are the anomalies that a problem names.
	maxMembers = 100
	// maxServices are the affected services that it names; all are counted.
	maxServices = 50
)

// A Problem is one fault, as it is known now.
type Problem struct {
	ID        string
	DisplayID string // P-YYMMDD-nnn, by the day it was detected (UTC)
	Finding          // the last one, with the first one's Members' Onset in Start

	Start        time.Time // earliest onset
	Detected     time.Time
	Acknowledged time.Time
	AckAuto      bool      // nobody acknowledged it: when its root was published
	End          time.Time // zero while it is open
	Reopened     int
	MergedInto   string // the problem that it turned out to be part of

	MemberIDs []string // of all anomalies so far, at most 100
	Anomalies int      // all of them

	Live     []string  // members that have not ended
	LastEnd  time.Time // the latest end of a member
	Seen     time.Time // the last moment at which it was found
	Emitted  time.Time
	Restored bool // from before a restart, and not found again yet
	Pairs    []Pair
}

// A Pair is a directed pair of workloads.
type Pair struct{ Sender, Receiver localize.Name }

// MTTA is the time from the beginning to the acknowledgement.
func (p *Problem) MTTA() time.Duration { return p.Acknowledged.Sub(p.Start) }

// MTTR is the time from the beginning to the end; 0 while it is open.
func (p *Problem) MTTR() time.Duration {
	if p.End.IsZero() {
		return 0
	}
	return p.End.Sub(p.Start)
}

// Services returns the affected workloads, direct ones first, at most 50.
func (p *Problem) Services() []localize.Name {
	all := slices.Concat(p.Direct, p.Affected)
	return all[:min(maxServices, len(all))]
}

// newID is the same for the same fault, whoever finds it and how often.
func newID(f *Finding, start time.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%d", f.Root.Place, f.Class, start.UnixNano()))
	return hex.EncodeToString(sum[:8])
}

// take takes in what is found of the problem at a moment. Findings come likeliest first: of
// several at one moment the first one is the root. It returns whether a reader would call
// that news: another root, type or severity, or that it is there after a restart still.
func (p *Problem) take(f *Finding, now time.Time) (news bool) {
	if !p.Seen.Equal(now) {
		news = p.Type != f.Type || p.Severity != f.Severity || p.Root.Place != f.Root.Place
		if p.Restored { // whatever it was found by before will never end
			p.Live, p.Restored, news = nil, false, true
		}
		p.Finding, p.Seen = *f, now
	}
	if onset := f.onset(); onset.Before(p.Start) {
		p.Start = onset
	}
	for i := range f.Members {
		p.join(&f.Members[i])
	}
	return news
}

func (p *Problem) join(a *Anomaly) {
	if pair := (Pair{a.Sender, a.Receiver}); pair != (Pair{}) && !slices.Contains(p.Pairs, pair) && len(p.Pairs) < maxMembers {
		p.Pairs = append(p.Pairs, pair)
	}
	if slices.Contains(p.Live, a.ID) {
		return
	}
	p.Live = append(p.Live, a.ID)
	if slices.Contains(p.MemberIDs, a.ID) {
		return
	}
	p.Anomalies++
	if len(p.MemberIDs) < maxMembers {
		p.MemberIDs = append(p.MemberIDs, a.ID)
	}
}

// about tells whether a finding is of the same fault: it shares an anomaly, or, in the
// same class, its root, or a pair.
func (p *Problem) about(f *Finding) bool {
	for i := range f.Members {
		if slices.Contains(p.Live, f.Members[i].ID) {
			return true
		}
	}
	if p.Class != f.Class {
		return false
	}
	return p.Root.Place == f.Root.Place || slices.ContainsFunc(f.Members, func(a Anomaly) bool {
		return slices.Contains(p.Pairs, Pair{a.Sender, a.Receiver})
	})
}

// leave takes out the members that ended.
func (p *Problem) leave(ended map[string]time.Time) {
	p.Live = slices.DeleteFunc(p.Live, func(id string) bool {
		end, gone := ended[id]
		if gone && end.After(p.LastEnd) {
			p.LastEnd = end
		}
		return gone
	})
}

// over tells whether nothing of the problem is left. After a restart its members are found
// anew, under other ids.
func (p *Problem) over(now time.Time) bool {
	if p.Restored {
		return now.Sub(p.Seen) > overlap
	}
	return len(p.Live) == 0
}
