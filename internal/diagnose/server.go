// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F5 and a slow server: no rule that opens a problem, but what keeps one from being invented.

// A Slowness says whose time an exchange takes.
type Slowness struct {
	// AppLimited: the sender has nothing to send most of the time, so no throughput is
	// missing (F5).
	AppLimited bool
	// Server: connections wait for an answer to what has been acknowledged: the network has
	// done its part. Answer is the mean time of an answer in seconds, by Little's law:
	// connections that wait, divided by exchanges a second.
	Server bool
	Answer float64
}

const (
	// appLimited is the share of time with something to send below which the application
	// sets the pace.
	appLimited = .2
	// slowAnswer is how many smallest round trips an answer takes if the server is slow.
	slowAnswer = 10
)

// Whose tells whose time a client's exchanges take.
func Whose(p *Pair) Slowness {
	s := p.Sender.last(ticks)
	w := Slowness{AppLimited: 1-s.share(Idle) < appLimited}
	if !p.Client || s.Exchanges == 0 || s.Seconds == 0 {
		return w
	}
	awaiting := 0.
	for i := max(0, len(p.Sender)-ticks); i < len(p.Sender); i++ {
		awaiting += float64(p.Sender[i].Awaiting)
	}
	awaiting /= float64(min(ticks, len(p.Sender)))
	w.Answer = awaiting / (float64(s.Exchanges) / s.Seconds)
	w.Server = awaiting >= 1 && w.Answer >= slowAnswer*s.MinRTT
	return w
}

// String is a sentence, empty if there is nothing to say.
func (w Slowness) String() string {
	if !w.Server {
		return ""
	}
	return fmt.Sprintf("Not the network: an answer takes %.0f ms after the request was acknowledged.", 1e3*w.Answer)
}
