// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import (
	"fmt"
	"strings"
)

// F5 and a slow server: no rule that opens a problem, but what keeps one from being invented.

// A Slowness says whose time an exchange takes.
type Slowness struct {
	// AppLimited: the sender has nothing to send most of the time, so no throughput is
	// missing (F5).
	AppLimited bool
	// Server: connections wait for an answer to what has been acknowledged: the network has
	// done its part. Answer is the mean time of an answer in seconds, by Little's law:
	// connections that wait, divided by exchanges a second. If there is none at all, Unanswered is for how
	// long (s), and Silent of which pods, if it is not all of them.
	Server             bool
	Answer, Unanswered float64
	Silent             []string
}

const (
	// appLimited is the share of time with something to send below which the application
	// sets the pace.
	appLimited = .2
	// slowAnswer is how many round trips an answer takes if the server is slow.
	slowAnswer = 10
)

// Whose tells whose time the exchanges of a pair take. That is for the client to say, in
// whichever direction the pair is looked at.
func Whose(p *Pair) Slowness {
	sender := p.Sender.last(ticks)
	w := Slowness{AppLimited: 1-sender.share(Idle) < appLimited}
	client := p.Sender
	if !p.Client {
		client = p.Receiver
	}
	if p.Unanswered > 0 {
		w.Server, w.Unanswered, w.Silent = true, p.Unanswered, p.Silent
		return w
	}
	s := client.last(ticks)
	if s.Exchanges == 0 || s.Seconds == 0 {
		return w
	}
	awaiting := 0.
	for _, r := range client[max(0, len(client)-ticks):] {
		awaiting += float64(r.Awaiting)
	}
	awaiting /= float64(min(ticks, len(client)))
	w.Answer = awaiting / (float64(s.Exchanges) / s.Seconds)
	w.Server = awaiting >= 1 && w.Answer >= p.patience(s.MinRTT)
	return w
}

// patience is how long an answer takes at least if the server is slow: so many round trips of the network, the smallest or
// what they have risen to. A rise that the other end does not see may be the wait itself, as acknowledgements go with
// answers: then as long as that.
func (p *Pair) patience(smallest float64) float64 {
	limit, times := slowAnswer*smallest, float64(slowAnswer)
	if p.RTT != nil && p.Longer == nil && p.alone() {
		times = 1
	}
	for _, rise := range [...]*Rise{p.RTT, p.Jitter} {
		if rise != nil {
			limit = max(limit, times*rise.Value)
		}
	}
	return limit
}

// alone tells whether the other end says nothing of longer round trips, and would.
func (p *Pair) alone() bool { return len(p.Receiver) > 0 && p.Back == nil }

// slowServer is what to add to the evidence of a rule if calls wait for the server: of a slow network and of who gave
// up in any case, of anything else if none is answered any more.
func slowServer(p *Pair, rule *Rule) string {
	w := Whose(p)
	if w.Server && (w.Unanswered > 0 || rule.Class == ClassDelay || rule.Class == ClassReset) {
		return " " + w.String()
	}
	return ""
}

// String is a sentence, empty if there is nothing to say.
func (w Slowness) String() string {
	switch {
	case !w.Server:
		return ""
	case w.Unanswered > 0:
		return fmt.Sprintf("What calls%s wait for is not the network: for %.0f s none was answered, although the requests were acknowledged.",
			w.to(), w.Unanswered)
	}
	return fmt.Sprintf("What calls wait for is not the network: an answer takes %.0f ms after the request was acknowledged.", 1e3*w.Answer)
}

// maxNamed is how many pods are named.
const maxNamed = 5

// to names the pods that do not answer; empty if they are all.
func (w Slowness) to() string {
	switch more := len(w.Silent) - maxNamed; {
	case len(w.Silent) == 0:
		return ""
	case more > 0:
		return fmt.Sprintf(" to %s and %d more pods", strings.Join(w.Silent[:maxNamed], ", "), more)
	}
	return " to " + strings.Join(w.Silent, ", ")
}
