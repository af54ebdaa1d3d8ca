// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
)

// unanswered are connections that wait for an acknowledgement of so many bytes each.
func unanswered(connections, bytes uint64, changes ...func(*diagnose.Report)) func(*diagnose.Report) {
	return func(r *diagnose.Report) {
		*r = diagnose.Report{Seconds: r.Seconds, SendQueue: connections * bytes, DataSegments: 1}
		r.Time[diagnose.NetworkLimited] = r.Seconds * float64(connections)
		r.Retransmits[diagnose.RetransmitTimeout] = 1
		all(changes...)(r)
	}
}

func TestDeadPath(t *testing.T) {
	handshakes := func(r *diagnose.Report) { r.Opened = 2 }
	repeated := func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitSYN] = 3 }
	full := steady(2, func(r *diagnose.Report) { r.Overflows = 1 })
	for name, test := range map[string]struct {
		pair         diagnose.Pair
		want, unsure bool
	}{
		"three connections":                         {client(steady(2, unanswered(3, 300))), true, false},
		"two connections":                           {client(steady(2, unanswered(2, 300))), true, true},
		"for one window":                            {client(append(steady(1, same), steady(1, unanswered(3, 300))...)), false, false},
		"something is acknowledged":                 {client(steady(2, unanswered(3, 300, func(r *diagnose.Report) { r.Sent = 1 }))), false, false},
		"full segments, of small ones nobody knows": {client(steady(2, unanswered(3, 1500))), false, false},
		"full segments, handshakes are repeated":    {client(steady(2, unanswered(3, 1500, repeated))), true, false},
		"full segments, small ones of the peer":     {between(steady(2, unanswered(3, 1500)), steady(2, unanswered(1, 300))), true, false},
		"handshakes come to an end":                 {client(steady(2, unanswered(1, 300, handshakes))), false, false},
		"a full accept queue":                       {between(steady(2, unanswered(3, 300)), full), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			found := diagnose.Diagnose(&test.pair)
			if !test.want {
				for _, f := range found {
					assert.NotEqual(t, "tcp_retransmit_rise", f.Type, f.Evidence)
				}
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, "tcp_retransmit_rise", found[0].Type)
			assert.Equal(t, test.unsure, found[0].Unsure)
			assert.Regexp(t, `^Of what \d connections sent nothing has been acknowledged for 20 s: \d timeouts, \d+ B wait\.$`, found[0].Evidence)
		})
	}
}

// A slow reader is mild as long as nobody waits for it.
func TestSlowReaderThatHurts(t *testing.T) {
	waits := func(changes ...func(*diagnose.Report)) diagnose.History {
		return steady(3, all(append(changes, limited(diagnose.ReceiveWindowLimited, .5), func(r *diagnose.Report) { r.ZeroWindowProbes = 2 })...))
	}
	for name, test := range map[string]struct {
		sender diagnose.History
		mild   bool
	}{
		"it reads, slowly":             {waits(), true},
		"an answer is due":             {waits(func(r *diagnose.Report) { r.Awaiting = 1 }), false},
		"it reads nothing":             {waits(func(r *diagnose.Report) { r.Sent = 0 }), false},
		"connections are given up":     {waits(func(r *diagnose.Report) { r.Closed, r.Exchanges = 3, 2 }), false},
		"connections end with answers": {waits(func(r *diagnose.Report) { r.Closed, r.Exchanges = 2, 2 }), true},
	} {
		t.Run(name, func(t *testing.T) {
			pair := between(test.sender, steady(3, func(r *diagnose.Report) { r.Live, r.ReceiveQueue = 0, 100_000 }))
			found := diagnose.Diagnose(&pair)
			require.NotEmpty(t, found)
			assert.Equal(t, "tcp_zero_window", found[0].Type)
			assert.Equal(t, test.mild, found[0].Mild)
		})
	}
}
