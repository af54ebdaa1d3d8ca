// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
)

func TestFewNeedlessSegmentsAreMild(t *testing.T) {
	for _, test := range []struct {
		kind  diagnose.Retransmit
		sent  uint64 // in each of 3 windows of 1,000 segments
		value float64
		mild  bool
	}{
		{diagnose.RetransmitProbe, 40, .04, true}, {diagnose.RetransmitProbe, 120, .12, false},
		{diagnose.RetransmitFast, 4, .004, true}, {diagnose.RetransmitFast, 6, .006, false},
	} {
		p := client(steady(3, func(r *diagnose.Report) {
			r.DataSegments, r.Retransmits[test.kind], r.Spurious = 1000, test.sent, test.sent
		}))
		p.Needless = rise(.0002, test.value)
		found := diagnose.Diagnose(&p)
		require.Len(t, found, 1)
		assert.Equal(t, test.mild, found[0].Mild, "%+v", test)
	}
}

// A server of short connections hears of a part of what was needless; needless probes say nothing
// of ten and more fast retransmissions beside them.
func TestSegmentsThatOvertakeEachOtherAreNotLost(t *testing.T) {
	for _, test := range []struct {
		fast, probes, spurious uint64
		lost                   bool
	}{
		{78, 10, 37, false}, {78, 10, 36, true}, {20, 98, 84, true}, {9, 98, 84, false}, {3, 1, 4, false}, {3, 1, 2, true},
	} {
		p := client(steady(1, func(r *diagnose.Report) {
			r.Retransmits[diagnose.RetransmitFast], r.Retransmits[diagnose.RetransmitProbe], r.Spurious = test.fast, test.probes, test.spurious
		}))
		p.Loss = rise(.0002, .02)
		assert.Equal(t, test.lost, len(diagnose.Diagnose(&p)) == 1, "%+v", test)
	}
}

// TestShortConnectionsHearOfFew of the segments that they sent for nothing: as many connections have ended as segments
// were sent again.
func TestShortConnectionsHearOfFew(t *testing.T) {
	for _, test := range []struct {
		kind             diagnose.Retransmit
		closed, spurious uint64
		want             string
	}{
		{diagnose.RetransmitFast, 40, 6, "tcp_reordering"}, {diagnose.RetransmitTimeout, 40, 6, "tcp_retransmit_rise"},
		{diagnose.RetransmitFast, 40, 5, "tcp_retransmit_rise"}, {diagnose.RetransmitFast, 39, 6, "tcp_retransmit_rise"},
	} {
		p := between(steady(1, func(r *diagnose.Report) {
			r.Retransmits[test.kind], r.Spurious, r.Closed = 40, test.spurious, test.closed
		}), steady(1, func(r *diagnose.Report) { r.OutOfOrder = 90 }))
		p.Loss, p.Needless, p.Overtaken = rise(.0002, .02), rise(.0002, .02), p.Sender.Overtaken()
		found := diagnose.Diagnose(&p)
		require.Len(t, found, 1, "%+v", test)
		assert.Equal(t, test.want, found[0].Type, "%+v", test)
		assert.False(t, found[0].Mild)
	}
}

func TestNeedlessEpisodesAreNoLoss(t *testing.T) {
	for _, test := range []struct{ episodes, sent, spurious, lost uint64 }{
		{14, 14, 14, 0}, {14, 14, 0, 14}, {10, 40, 10, 7}, {3, 5, 20, 0}, {2, 0, 0, 2},
	} {
		r := diagnose.Report{Episodes: test.episodes, Spurious: test.spurious}
		r.Retransmits[diagnose.RetransmitFast] = test.sent
		assert.Equal(t, test.lost, r.Lost(), "%+v", test)
		assert.Equal(t, test.episodes, r.Lost()+r.Needless(), "%+v", test)
	}
}
