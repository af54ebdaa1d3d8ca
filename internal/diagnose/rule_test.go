// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/diagnose"
)

// busy is a window of 10 s in which a client's four connections do 100 exchanges a second
// over a path of 0.2 ms, and are limited by nothing.
func busy() diagnose.Report {
	scale := uint8(7)
	return diagnose.Report{
		Seconds: 10, Sent: 100_000, Received: 1_000_000, DataSegments: 1000, Exchanges: 1000,
		Time: [4]float64{diagnose.Idle: 38, diagnose.NetworkLimited: 2}, Live: 4, MinRTT: .0002,
		ReceiveBuffer: 131072, SendBuffer: 87040, ReceiveScale: &scale, SendScale: &scale,
	}
}

// steady is a history of n windows like busy, but for what change does.
func steady(n int, change func(*diagnose.Report)) (h diagnose.History) {
	for range n {
		r := busy()
		change(&r)
		h = append(h, r)
	}
	return h
}

func same(*diagnose.Report) {}

// A scenario is a pair and what it is to be called; nothing: a near miss.
type scenario struct {
	name string
	pair diagnose.Pair
	want string
}

func client(h diagnose.History) diagnose.Pair { return diagnose.Pair{Sender: h, Client: true} }

func between(sender, receiver diagnose.History) diagnose.Pair {
	return diagnose.Pair{Sender: sender, Receiver: receiver, Client: true}
}

// limited gives a phase a share of the time of four connections.
func limited(phase diagnose.Phase, share float64) func(*diagnose.Report) {
	return func(r *diagnose.Report) {
		r.Time = [4]float64{diagnose.Idle: 40 * (1 - share)}
		r.Time[phase] += 40 * share
	}
}

func all(changes ...func(*diagnose.Report)) func(*diagnose.Report) {
	return func(r *diagnose.Report) {
		for _, change := range changes {
			change(r)
		}
	}
}

func rise(baseline, value float64) *diagnose.Rise {
	return &diagnose.Rise{Baseline: baseline, Value: value, Evidence: 20}
}

func TestRules(t *testing.T) {
	for _, group := range [][]scenario{connectScenarios(), windowScenarios(), writeScenarios(), pathScenarios()} {
		for _, s := range group {
			t.Run(s.name, func(t *testing.T) {
				found := diagnose.Diagnose(&s.pair)
				if s.want == "" {
					assert.Empty(t, found)
					return
				}
				require.NotEmpty(t, found)
				assert.Equal(t, s.want, found[0].Type, found[0].Evidence)
				assert.NotEmpty(t, found[0].Side)
				assert.Regexp(t, `^[0-9A-Z].*\.$`, found[0].Evidence)
				t.Log(found[0].Evidence)
			})
		}
	}
}

func TestHealthyPairHasNoCause(t *testing.T) {
	pair := between(steady(6, same), steady(6, same))
	assert.Empty(t, diagnose.Diagnose(&pair))
	assert.Empty(t, diagnose.Diagnose(&diagnose.Pair{}), "nobody observes anything")
}

// Each rule is found in a scenario, and says what to do.
func TestEveryRuleIsComplete(t *testing.T) {
	for _, rule := range diagnose.Rules() {
		for field, value := range map[string]string{
			"code": rule.Code, "class": rule.Class, "advice": rule.Advice, "advice id": rule.AdviceID,
		} {
			assert.NotEmpty(t, value, "%s of %s", field, rule.Type)
		}
		assert.Regexp(t, `\.$`, rule.Advice)
		found := false
		for _, group := range [][]scenario{connectScenarios(), windowScenarios(), writeScenarios(), pathScenarios()} {
			for _, s := range group {
				found = found || s.want == rule.Type
			}
		}
		assert.True(t, found, "no scenario opens %s", rule.Type)
	}
}

// A cause explains what comes with it.
func TestPrecedence(t *testing.T) {
	overflow := between(
		steady(3, func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitSYN] = 20; r.Opened = 10 }),
		steady(3, func(r *diagnose.Report) { r.Overflows = 20; r.QueueLength = 2; r.QueueLimit = 1 }))
	overflow.SYN, overflow.RTT = rise(.001, .7), rise(.001, .01)
	var types []string
	for _, f := range diagnose.Diagnose(&overflow) {
		types = append(types, f.Type)
	}
	assert.Equal(t, []string{"tcp_accept_overflow", "tcp_syn_retransmit", "tcp_rtt_rise"}, types)
}

func TestIncast(t *testing.T) {
	burst := func(r *diagnose.Report) { r.Retransmits[diagnose.RetransmitTimeout] = 4; r.Episodes = 4 }
	pairs := func(senders int, receiver func(*diagnose.Report)) (out []*diagnose.Pair) {
		for range senders {
			p := between(steady(1, burst), steady(1, receiver))
			out = append(out, &p)
		}
		return out
	}
	f, ok := diagnose.Incast(pairs(6, same))
	require.True(t, ok)
	assert.Equal(t, "6 senders lost whole bursts to one receiver at once: 24 of 24 segments were sent again after a timeout.", f.Evidence)
	_, ok = diagnose.Incast(pairs(4, same))
	assert.False(t, ok, "too few senders")
	_, ok = diagnose.Incast(pairs(6, func(r *diagnose.Report) { r.Received = 0 }))
	assert.False(t, ok, "a dead receiver")
	_, ok = diagnose.Incast(pairs(6, burst))
	assert.False(t, ok, "the receiver's link loses both ways")
}

func TestWhose(t *testing.T) {
	slow := client(steady(3, func(r *diagnose.Report) { r.Awaiting = 4; r.Exchanges = 200 }))
	w := diagnose.Whose(&slow)
	assert.True(t, w.AppLimited)
	assert.Equal(t, "What calls wait for is not the network: an answer takes 200 ms after the request was acknowledged.", w.String())
	back := diagnose.Pair{Receiver: slow.Sender}
	assert.Equal(t, w.Answer, diagnose.Whose(&back).Answer, "answers, as the client tells")
	slow.RTT = &diagnose.Rise{Baseline: .001, Value: .03}
	assert.Empty(t, diagnose.Whose(&slow).String(), "round trips are a good part of it")
	quick := client(steady(3, func(r *diagnose.Report) { r.Awaiting = 1; r.Exchanges = 100_000 }))
	assert.Empty(t, diagnose.Whose(&quick).String())
	hung := client(steady(3, func(r *diagnose.Report) { r.Awaiting = 4; r.Exchanges = 0 }))
	assert.Empty(t, diagnose.Whose(&hung).String(), "nobody knows whether answers ever came")
	hung.Unanswered = 30
	assert.Equal(t, "What calls wait for is not the network: for 30 s none was answered, although the requests were acknowledged.",
		diagnose.Whose(&hung).String())
	bulk := client(steady(3, limited(diagnose.NetworkLimited, .9)))
	assert.False(t, diagnose.Whose(&bulk).AppLimited)
	assert.Zero(t, diagnose.Whose(&diagnose.Pair{Client: true}).Answer)
}
