// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/tcpwhy/tcpwhy/internal/diagnose"

const (
	// silentTimes is how many times the longest silence so far a silence of a server is, and for how many
	// windows it lasts at least, before it tells anything.
	silentTimes = 3
	// maxUsual is how long a server is silent on purpose at most, in seconds, as one that is polled and
	// answers when there is news. What lasts longer is not learned, or a server that hung might do so again.
	maxUsual = 60
)

// A silence is for how long a client has waited for answers to what its server's kernel has acknowledged, while
// none came. A server that never answered says nothing by that.
type silence struct {
	answers, began bool // began: to tell something, with the last window
	windows        int
	since, usual   float64 // seconds; usual is the longest that ended with an answer
}

// note takes in what both ends say of a window; nil is nothing. Where anything waits on the way, an answer may, too.
func (s *silence) note(client, server *diagnose.Report) {
	told := s.told()
	switch {
	case client.Exchanges > 0:
		s.usual = max(s.usual, min(s.since, maxUsual))
		s.answers, s.windows, s.since = true, 0, 0
	case client.Awaiting == 0, !delivered(client), !delivered(server): // nobody asks, or who did has given up
		s.windows, s.since = 0, 0
	case s.answers:
		s.windows++
		s.since += client.Seconds
	}
	s.began = told == 0 && s.told() > 0
}

// delivered tells whether all that an end has sent has arrived, as far as it says.
func delivered(r *diagnose.Report) bool {
	return r != nil && r.SendQueue == 0 && r.Retransmits[diagnose.RetransmitTimeout] == 0 && r.Retransmits[diagnose.RetransmitSYN] == 0
}

// told is how long it has lasted, if that tells anything; else 0.
func (s *silence) told() float64 {
	if s.windows < silentTimes || s.since < silentTimes*s.usual {
		return 0
	}
	return s.since
}

// hear takes in what the server of a view says of the window, too.
func (v *view) hear() {
	if v.key.role != Client {
		return
	}
	var server *diagnose.Report
	if v.other != nil && v.other.window == v.window {
		server = &v.other.report
	}
	v.silence.note(&v.report, server)
}

// waits is the silence that the client of a view meets.
func (v *view) waits() *silence {
	switch {
	case v.key.role == Client:
		return &v.silence
	case v.key.role == Server && v.other != nil:
		return &v.other.silence
	}
	return &silence{}
}
