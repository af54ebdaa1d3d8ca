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
	// sure is how much likelier a root must be to replace another at once, nats, and persists
	// how often in a row it is found else.
	sure     = 3
	persists = 3
	// maxServices are the affected services that it names; all are counted.
	maxServices = 50
)

// A Problem is one fault, as it is known now.
type Problem struct {
	ID        string
	DisplayID string // P-YYMMDD-nnn, by the day it was detected (UTC)
	Finding          // the last one, with the first one's Members' Onset in Start

	Start        time.Time // earliest onset
	Latest       time.Time // onset of the member that came last
	Detected     time.Time
	Acknowledged time.Time
	AckAuto      bool      // nobody acknowledged it: when its root was published
	End          time.Time // zero while it is open
	Reopened     int
	MergedInto   string // the problem that it turned out to be part of

	MemberIDs []string // of all anomalies so far, at most 100
	Anomalies int      // all of them

	Live     []string       // members that have not ended
	LastEnd  time.Time      // the latest end of a member
	Seen     time.Time      // the last moment at which it was found
	Serious  time.Time      // the last moment at which what was found would have opened it
	Rival    localize.Place // another root that was found instead of its own
	Rivals   int            // how often in a row
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

// times are all of a problem's own. Those of its members are the engine's.
func (p *Problem) times() [9]*time.Time {
	return [...]*time.Time{
		&p.Start, &p.Latest, &p.Detected, &p.Acknowledged, &p.End, &p.LastEnd, &p.Seen, &p.Serious, &p.Emitted,
	}
}

// Shift moves all its times by so much.
func (p *Problem) Shift(by time.Duration) {
	for _, t := range p.times() {
		if !t.IsZero() {
			*t = t.Add(by)
		}
	}
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
		if p.Restored { // whatever it was found by before will never end
			p.Live, p.Restored, p.Serious, news = nil, false, now, true
		}
		if p.replaces(f) {
			news = news || p.Type != f.Type || p.Severity != f.Severity || p.Root.Place != f.Root.Place
			p.Finding, p.Rivals = *f, 0
		}
	}
	if p.is(f) { // what it leaves behind does not keep it open
		p.Seen = now
		if f.opens() {
			p.Serious = now
		}
	}
	if onset := f.onset(); onset.Before(p.Start) {
		p.Start = onset
	}
	for i := range f.Members {
		p.join(&f.Members[i])
	}
	return news
}

// replaces tells whether a finding says better what the problem is. A symptom does not replace
// its cause, and another root not the one that is known, unless it explains more, is much
// likelier, or is found again and again: near the end of a fault each moment has its own.
func (p *Problem) replaces(f *Finding) bool {
	if p.Seen.IsZero() || f.isCauseOf(&p.Finding) || len(p.Live) == 0 {
		return true
	}
	if p.Class != f.Class || f.Rank > p.Rank {
		return false
	}
	if f.Root.Place == p.Root.Place || len(f.Members) > len(p.Members) || f.Root.Likelihood >= p.Root.Likelihood+sure {
		return true
	}
	if f.Root.Place != p.Rival {
		p.Rival, p.Rivals = f.Root.Place, 0
	}
	p.Rivals++
	return p.Rivals >= persists
}

func (p *Problem) join(a *Anomaly) {
	if a.Onset.After(p.Latest) {
		p.Latest = a.Onset
	}
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

// about tells whether a finding is of the same fault as the open problem. It is if it has the
// same class and root, or is a symptom of it. Else what is new of it must have begun while the
// problem was seen, and not long after the rest: then anomalies that both have tell that
// they are one, or, in the same class, that their pairs are the same for the most part. What a fault
// leaves behind must not make the next one a part of it.
func (p *Problem) about(f *Finding) bool {
	same := p.Class == f.Class
	if same && p.Root.Place == f.Root.Place || p.explains(f) {
		return true
	}
	shares := slices.ContainsFunc(f.Members, func(a Anomaly) bool { return p.knows(&a) && (!a.Symptom || f.isCauseOf(&p.Finding)) })
	if !shares && (!same || !p.overlaps(f)) {
		return false
	}
	began := p.news(f)
	switch {
	case began.IsZero(), p.Restored:
		return true
	case same:
		return !began.After(p.Seen) && began.Sub(p.Latest) <= together
	}
	return !began.After(p.Seen) && began.Sub(p.Start) <= overlap
}

// knows tells whether an anomaly is a part of the problem already, and has not come again since the
// problem was seen last.
func (p *Problem) knows(a *Anomaly) bool {
	return slices.Contains(p.Live, a.ID) && !a.Onset.After(p.Seen)
}

// news is when the first of a finding began that is not known; zero if all is.
func (p *Problem) news(f *Finding) time.Time {
	return f.first(func(a *Anomaly) bool { return !p.knows(a) })
}

// explains tells whether a finding is a symptom of what one of its ends does by itself.
func (p *Problem) explains(f *Finding) bool {
	return p.isCauseOf(f) && p.Side != "path" && f.touches(p.Node) && p.news(f).Sub(p.Seen) <= aftermath
}

// is tells whether a finding is what the problem is, not a symptom or something beside it.
func (p *Problem) is(f *Finding) bool { return p.Class == f.Class || f.isCauseOf(&p.Finding) }

// left tells whether a finding is what a problem that has ended left behind: parts of it which
// have not come again since, and which last for a while; symptoms of it that begin when it is gone; or the
// end of connections that it has killed.
func (p *Problem) left(f *Finding, now time.Time) bool {
	if f.Belated && p.Class == f.Class && p.Rule != f.Rule && now.Sub(p.Seen) <= buried && p.overlaps(f) {
		return true
	}
	if now.Sub(p.Seen) > aftermath {
		return false
	}
	return p.isCauseOf(f) && p.overlaps(f) || !slices.ContainsFunc(f.Members, func(a Anomaly) bool {
		return !a.Symptom && (a.Onset.After(p.Seen) || !slices.Contains(p.MemberIDs, a.ID))
	})
}

// overlaps tells whether at least half of the pairs of the problem, or of the finding, are those
// of the other.
func (p *Problem) overlaps(f *Finding) bool {
	pairs, common := f.pairs(), 0
	for _, pair := range pairs {
		if slices.Contains(p.Pairs, pair) {
			common++
		}
	}
	return common > 0 && 2*common >= min(len(pairs), len(p.Pairs))
}

// returns tells whether a finding is that of a closed problem again: with the same root, or
// the same pairs for the most part.
func (p *Problem) returns(f *Finding) bool {
	if p.Class != f.Class {
		return false
	}
	pairs := f.pairs()
	return p.Root.Place == f.Root.Place || p.overlaps(f) && 2*min(len(pairs), len(p.Pairs)) > max(len(pairs), len(p.Pairs))
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

// over tells whether nothing of the problem is left: its members have ended, nothing has been
// found of it for a while, or too little to open it. Where half of them say nothing at all, that is
// no news. After a restart its members are found anew, under other ids.
func (p *Problem) over(now time.Time, calm time.Duration, silent map[string]bool) bool {
	if p.Restored {
		return now.Sub(p.Seen) > overlap
	}
	quiet := 0
	for _, id := range p.Live {
		if silent[id] {
			quiet++
		}
	}
	return len(p.Live) == 0 || now.Sub(p.Seen) >= calm && 2*quiet < len(p.Live) || now.Sub(p.Serious) > overlap
}
