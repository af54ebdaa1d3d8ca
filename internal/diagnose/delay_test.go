// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
)

// What has made round trips longer is told where they tell it, and never beside what calls wait for else.
func TestWhyRoundTripsAreLonger(t *testing.T) {
	const queue, path, server = "a queue fills on the way", "the path has become longer", "is not the network"
	sees := func(change func(*diagnose.Pair)) *diagnose.Pair {
		p := between(steady(3, same), steady(3, same))
		p.RTT, p.Back = rise(.0003, .005), rise(.0003, .005)
		change(&p)
		return &p
	}
	waiting := func(r *diagnose.Report) { r.Awaiting, r.Exchanges = 4, 200 }
	for name, test := range map[string]struct {
		pair          *diagnose.Pair
		says, unsaid  []string
		smallestIsToo bool
	}{
		"both ends": {sees(func(*diagnose.Pair) {}), []string{queue}, []string{path, server}, true},
		"the other end is not observed": {sees(func(p *diagnose.Pair) { p.Receiver, p.Back = nil, nil }), []string{queue},
			[]string{path, server}, true},
		"one end alone": {sees(func(p *diagnose.Pair) { p.Back = nil }), nil, []string{queue, path, server}, true},
		"the shorter ones, too": {sees(func(p *diagnose.Pair) { p.Longer = rise(.0002, .004) }), []string{path},
			[]string{queue, server}, false},
		"the smallest, too": {sees(func(p *diagnose.Pair) {
			p.Sender = steady(3, func(r *diagnose.Report) { r.MinRTT = .004 })
		}), []string{path}, []string{queue, server}, false},
		"a server that answers nothing": {sees(func(p *diagnose.Pair) { p.Unanswered = 30 }), []string{server},
			[]string{queue, path}, true},
		"a slow server": {sees(func(p *diagnose.Pair) { p.Sender = steady(3, waiting) }), []string{server}, []string{queue, path}, true},
		"a slow server, and the smallest, too": {sees(func(p *diagnose.Pair) {
			p.Sender = steady(3, all(waiting, func(r *diagnose.Report) { r.MinRTT = .004 }))
		}), []string{server}, []string{queue, path}, false},
		"acknowledgements that wait for a slow server's answers": {sees(func(p *diagnose.Pair) {
			p.Sender, p.RTT, p.Back = steady(3, waiting), rise(.0003, .037), nil
		}), []string{server}, []string{queue, path}, true},
		"a server that is slow in a slow network": {sees(func(p *diagnose.Pair) {
			p.Sender, p.RTT, p.Back = steady(3, waiting), rise(.0003, .037), rise(.0003, .037)
		}), nil, []string{path, server}, true},
		"acknowledgements that come later than answers": {sees(func(p *diagnose.Pair) {
			p.Sender, p.RTT, p.Back = steady(3, waiting), rise(.0003, .3), nil
		}), nil, []string{queue, path, server}, true},
	} {
		t.Run(name, func(t *testing.T) {
			found := diagnose.Diagnose(test.pair)
			require.Len(t, found, 1)
			for _, words := range test.says {
				assert.Contains(t, found[0].Evidence, words)
			}
			for _, words := range test.unsaid {
				assert.NotContains(t, found[0].Evidence, words)
			}
			if test.smallestIsToo {
				assert.Contains(t, found[0].Evidence, "; the smallest is 0.200 ms")
			} else {
				assert.NotContains(t, found[0].Evidence, "the smallest is")
			}
		})
	}
}
