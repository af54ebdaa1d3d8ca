// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/problem"
)

const calm = 20 * time.Second

// Its anomaly waits for a quiet minute still, as detectors do, and is the next fault's if it rises again.
func TestWhatIsNotFoundIsOver(t *testing.T) {
	r := problem.NewRegister(10, calm)
	r.Observe(at(20), []problem.Finding{loss(pair("j", "k"), 0, "jk")}, nil)
	assert.Empty(t, r.Observe(at(35), nil, nil))
	closed := r.Observe(at(40), nil, nil)
	require.Equal(t, []string{"close P-260304-001 pair k8s/service-j → k8s/service-k"}, told(closed))
	assert.Equal(t, at(20), closed[0].Problem.End, "when it was found last")

	again := r.Observe(at(70), []problem.Finding{loss(node4, 60, "jk", "ab", "cd")}, nil)
	require.Equal(t, []string{"open P-260304-002 node node-4"}, told(again))
	assert.Equal(t, at(60), again[0].Problem.Start)
}

// Connections that say nothing may be those that cannot.
func TestSilenceIsNoNews(t *testing.T) {
	r := problem.NewRegister(10, calm)
	r.Observe(at(20), []problem.Finding{loss(node4, 0, "jk", "ab")}, nil)
	r.Unheard(map[string]bool{"loss jk": true})
	assert.Empty(t, r.Observe(at(60), nil, nil), "one of two")
	r.Unheard(nil)
	assert.Len(t, r.Observe(at(65), nil, nil), 1)
}

func TestSymptomsKeepNothingOpen(t *testing.T) {
	rtt := loss(pair("j", "k"), 0, "jk")
	rtt.Type, rtt.Rule, rtt.Class, rtt.Rank = "tcp_rtt_rise", "tcp_rtt_rise", "delay", 9
	rtt.Members[0].ID = "rtt jk"
	first := loss(pair("j", "k"), 0, "jk")
	first.Rank, first.Symptoms = 5, []string{"tcp_rtt_rise"}
	first.Members = append(first.Members, rtt.Members[0])
	first.Members[1].Symptom = true

	r := problem.NewRegister(10, calm)
	r.Observe(at(20), []problem.Finding{first}, nil)
	assert.Empty(t, r.Observe(at(35), []problem.Finding{rtt}, nil))
	assert.Len(t, r.Observe(at(40), []problem.Finding{rtt}, nil), 1, "the loss is over")
	assert.Empty(t, r.Observe(at(75), []problem.Finding{rtt}, nil), "what it left behind")
	assert.Equal(t, []string{"open P-260304-002 pair k8s/service-j → k8s/service-k"},
		told(r.Observe(at(85), []problem.Finding{rtt}, nil)), "after a minute it is trouble of its own")
}

// A path that let nothing through has killed connections that time out later.
func TestTheDeadAreBuriedLater(t *testing.T) {
	hole := loss(pair("j", "k"), 0, "jk")
	hole.Type, hole.Rule, hole.Class = "tcp_pmtu_blackhole", "tcp_pmtu_blackhole", "connect"
	dead := func(onset int, edge string) problem.Finding {
		f := loss(pair(edge[:1], edge[1:]), onset, edge)
		f.Type, f.Rule, f.Class, f.Belated = "tcp_idle_drop", "tcp_idle_drop", "connect", true
		f.Members[0].ID = "dead " + edge
		return f
	}
	r := problem.NewRegister(10, calm)
	r.Observe(at(20), []problem.Finding{hole}, nil)
	require.Len(t, r.Observe(at(40), nil, nil), 1)
	assert.Empty(t, r.Observe(at(110), []problem.Finding{dead(90, "jk")}, nil), "it has killed them")
	assert.Len(t, r.Observe(at(115), []problem.Finding{dead(90, "jk"), dead(90, "ab")}, nil), 1, "not those of others")
	assert.Len(t, r.Observe(at(145), []problem.Finding{dead(120, "jk"), dead(90, "ab")}, nil), 1, "nor for ever")
}

// What a black hole has held up comes through again when it is gone, and what was lost of it is counted then: its
// symptom begins after it. That of others is a fault of theirs, and a minute later it is one of its own.
func TestSymptomsThatBeginAfterTheirCause(t *testing.T) {
	hole := loss(pair("j", "k"), 0, "jk")
	hole.Type, hole.Rule, hole.Class, hole.Symptoms = "tcp_pmtu_blackhole", "tcp_pmtu_blackhole", "connect", []string{"tcp_retransmit_rise"}
	again := func(onset int, edge string) problem.Finding {
		f := loss(pair(edge[:1], edge[1:]), onset, edge)
		f.Rule, f.Rank = "tcp_retransmit_rise", 11
		f.Members[0].ID = "again " + edge
		return f
	}
	r := problem.NewRegister(10, calm)
	r.Observe(at(20), []problem.Finding{hole}, nil)
	require.Len(t, r.Observe(at(40), nil, nil), 1)
	assert.Empty(t, r.Observe(at(45), []problem.Finding{again(30, "jk")}, nil), "its own")
	assert.Len(t, r.Observe(at(50), []problem.Finding{again(30, "jk"), again(30, "ab")}, nil), 1, "another's")
	assert.Len(t, r.Observe(at(85), []problem.Finding{again(30, "jk"), again(30, "ab")}, nil), 1, "it goes on")
}

// When a fault began is when what shows it did, whatever had risen before.
func TestSymptomsDoNotSayWhenItBegan(t *testing.T) {
	f := loss(pair("j", "k"), 600, "jk")
	f.Members = append(f.Members, problem.Anomaly{ID: "jitter jk", Onset: at(0), Symptom: true})
	r := problem.NewRegister(10, calm)
	assert.Equal(t, at(600), r.Observe(at(620), []problem.Finding{f}, nil)[0].Problem.Start)
}

// A handshake that is repeated because segments are lost is no cause of the loss.
func TestOnlyACauseReplaces(t *testing.T) {
	first := loss(node4, 0, "jk", "ab")
	first.Rule, first.Rank, first.Symptoms = "tcp_retransmit_rise", 11, []string{"tcp_syn_retransmit"}
	repeated := syn(0, "jk")
	first.Members = append(first.Members, repeated.Members[0])
	first.Members[2].Symptom = true

	r := problem.NewRegister(10, patient)
	r.Observe(at(20), []problem.Finding{first}, nil)
	for s := 25; s < 60; s += 5 {
		assert.Empty(t, r.Observe(at(s), []problem.Finding{repeated}, nil))
	}
	assert.Equal(t, 1, r.Len())
}

// A jitter of an hour makes no problem of nine segments that were sent again.
func TestSymptomsDoNotOpenAlone(t *testing.T) {
	f := loss(pair("j", "k"), 0, "jk")
	f.Members[0].Gate = problem.Corroborated
	f.Members = append(f.Members, problem.Anomaly{ID: "evidence", Gate: problem.Evidence, Symptom: true})
	assert.Empty(t, problem.NewRegister(10, calm).Observe(at(20), []problem.Finding{f}, nil))
	f.Members[0].Gate, f.Members[1].Gate = problem.Evidence, problem.Alone
	assert.Empty(t, problem.NewRegister(10, calm).Observe(at(20), []problem.Finding{f}, nil))
	f.Members[0].Gate = problem.Corroborated
	assert.Len(t, problem.NewRegister(10, calm).Observe(at(20), []problem.Finding{f}, nil), 1, "it speaks for it")
}
