// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// A view is what one workload says of its connections with another, in one role.
type view struct {
	key    viewKey
	id     uint64
	label  any
	other  *view // what the peer says of the same connections; nil if nobody observes it
	tracks []*track

	// Of the window that is being judged.
	window    detect.Window
	report    diagnose.Report
	rtt       shift.Histogram // its Far is that all tracks of the window are
	variation shift.Histogram

	suspects [numKinds]bool   // what there is evidence for, and no anomaly yet
	loses    bool             // the last windows have spoken for a loss, however little
	silence  silence          // of the server, as the client sees it
	usual    float32          // the longest silence of any of its pods that ended with an answer, s
	hush     hush             // which of them do not answer
	before   hush             // in the window before
	late     bool             // many round trips outlast the shortest timeout
	held     detect.Window    // the last one in which many took most of the time after which a SYN is sent again
	calm     uint64           // round trips since nothing has spoken for a rise
	last     detect.Window    // the last one with data
	pace     detect.Window    // windows that the slowest of its agents tells of at once
	history  diagnose.History // oldest first; windows without data have no place in it
	spoke    detect.Window    // the last one in which anything was sent, or a connection tried
	disorder detect.Window    // the last one before which segments seemed to have overtaken each other
	trouble  detect.Window    // the last one in which a rule might match

	risen    [numKinds]*anomaly // what detectors say
	eyes     [numKinds][]uint64 // series, of the view and its tracks, that say so
	matched  []*anomaly         // what rules say
	findings []diagnose.Finding // in the window that is being judged, the cause first
}

func newView(key viewKey, spec *Spec) *view {
	return &view{key: key, id: key.hash(), label: spec.Label, pace: 1}
}

func (v *view) drop(t *track) {
	v.tracks = slices.DeleteFunc(v.tracks, func(other *track) bool { return other == t })
}

// told is the last window that all agents have told of: those that tell of several at once have said
// nothing yet of the last ones.
func (v *view) told(w detect.Window) detect.Window { return w - v.pace + 1 }

// heard tells whether a track's agent has told of a window, or will only later.
func (t *track) heard(w detect.Window) bool { return w-t.last < t.pace }

// troubled tells whether an anomaly has not ended.
func (v *view) troubled() bool {
	return len(v.matched) > 0 || v.risen != [numKinds]*anomaly{}
}

// begin makes room for a window.
func (v *view) begin(w detect.Window) {
	v.window, v.findings = w, nil
	v.hush, v.before = hush{}, v.hush
	v.report, v.rtt, v.variation = diagnose.Report{}, shift.Histogram{Far: true}, shift.Histogram{}
}

// take adds what one track did.
func (v *view) take(c *cell) {
	v.report.Join(&c.report)
	v.rtt.Far = v.rtt.Far && c.track.far
	v.rtt.Merge(&c.rtt)
	v.variation.Merge(&c.variation)
}

// remember puts the window into the history, of so many windows.
func (v *view) remember(windows int, seconds float64) {
	v.report.Seconds = seconds
	v.pace = 1
	for _, t := range v.tracks {
		v.pace = max(v.pace, t.pace)
	}
	v.rtt.Windows, v.variation.Windows = uint16(v.pace), uint16(v.pace)
	if len(v.history) >= windows {
		copy(v.history, v.history[1:])
		v.history = v.history[:windows-1]
	}
	v.history = append(v.history, v.report)
	v.last = v.window
	if v.report.DataSegments > 0 || v.report.Attempts() > 0 {
		v.spoke = v.window
	}
	if v.report.Trouble() {
		v.trouble = v.window
	}
	if v.history.Overtaken() {
		v.disorder = v.window
	}
}

// ends are those of all its tracks: what differs between them is not known.
func (v *view) ends() (from, to localize.End) {
	for i, t := range v.tracks {
		if i == 0 {
			from, to = t.from, t.to
			continue
		}
		from, to = common(from, t.from), common(to, t.to)
	}
	from.Workload, to.Workload = v.key.observer, v.key.peer
	return from, to
}

// common is what two ends have in common.
func common(a, b localize.End) localize.End {
	c := a
	if a.Pod != b.Pod {
		c.Pod = localize.Name{}
	}
	if a.Node != b.Node {
		c.Node = ""
	}
	if a.Zone != b.Zone {
		c.Zone = ""
	}
	if a.Port != b.Port {
		c.Port = 0
	}
	return c
}

// pair is the data that the view's workload sends to the other, as both ends say.
func (v *view) pair() *diagnose.Pair {
	waits := v.waits()
	p := &diagnose.Pair{Sender: v.history, Client: v.key.role == Client, Unanswered: waits.seconds, Silent: waits.pods}
	if v.key.role == Listener {
		p.Sender, p.Receiver, p.Client = nil, v.history, true
	}
	if v.other != nil {
		p.Receiver = v.other.history
		if a := v.other.risen[kindRTT]; a != nil && !a.fading {
			p.Back = a.rise()
		}
	}
	rises := [numKinds]**diagnose.Rise{
		kindLoss: &p.Loss, kindNeedless: &p.Needless, kindRTT: &p.RTT, kindJitter: &p.Jitter, kindSYN: &p.SYN, kindResets: &p.Resets,
	}
	for kind, a := range v.risen {
		if a != nil && !a.fading {
			*rises[kind] = a.rise()
		}
	}
	p.Longer = v.longest()
	p.Held = v.holds() || v.other != nil && v.other.holds()
	p.Overtaken = v.overtaken()
	return p
}

// holds tells whether many round trips of the last half minute were as long as it takes to send a SYN again.
func (v *view) holds() bool {
	return v.held > 0 && float64(v.window-v.held)*v.report.Seconds < halfMinute
}

// overtaken tells whether segments seemed to have overtaken each other in the last half minute.
func (v *view) overtaken() bool {
	return v.disorder > 0 && float64(v.window-v.disorder)*v.report.Seconds < halfMinute
}
