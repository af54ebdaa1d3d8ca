// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

var (
	node4    = localize.Place{Kind: localize.KindNode, A: localize.Name{Name: "node-4"}}
	listener = localize.Place{Kind: localize.KindListener, A: service("k"), Port: 8080}
)

// syn is found on a pair whose handshakes are repeated.
func syn(onset int, pairs ...string) problem.Finding {
	f := loss(pair(pairs[0][:1], pairs[0][1:]), onset, pairs...)
	f.Type, f.Rule, f.Class, f.Rank, f.Side = "tcp_syn_retransmit", "tcp_syn_retransmit", "connect", 5, "path"
	for i := range f.Members {
		f.Members[i].ID = "syn " + pairs[i]
	}
	return f
}

// overflow is found at the listener of service-k.
func overflow(onset int) problem.Finding {
	return problem.Finding{
		Type: "tcp_accept_overflow", Class: "connect", Rank: 4, Symptoms: []string{"tcp_syn_retransmit"}, Side: "listener",
		Node: service("k"), Root: localize.Root{Candidate: localize.Candidate{Place: listener}},
		Members: []problem.Anomaly{{ID: "overflow", Gate: problem.Alone, Onset: at(onset), Sender: service("k")}},
	}
}

// What a fault leaves behind keeps its problem open, and takes nothing in.
func TestNextFaultIsAnotherProblem(t *testing.T) {
	r := problem.NewRegister(10, patient)
	wide := loss(node4, 0, "jk", "ab", "cd")
	r.Observe(at(20), []problem.Finding{wide}, nil)
	r.Observe(at(75), []problem.Finding{wide}, nil)
	next := loss(pair("a", "b"), 140, "ab")
	next.Members[0].ID = "another"
	require.Equal(t, []string{"open P-260304-002 pair k8s/service-a → k8s/service-b"},
		told(r.Observe(at(160), []problem.Finding{next}, ended(75, "loss ab", "loss cd"))))
	assert.Len(t, r.Observe(at(200), []problem.Finding{next}, ended(75, "loss jk")), 1, "the first one ends")
	assert.Equal(t, 1, r.Len())
}

func TestAnotherCauseOfTheSameSymptom(t *testing.T) {
	for name, test := range map[string]struct {
		onset int
		want  []string
	}{
		"soon: it is one fault": {30, []string{"update P-260304-001 node node-4"}},
		"long after":            {300, []string{"open P-260304-002 node node-4"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := problem.NewRegister(10, patient)
			first := syn(0, "jk")
			r.Observe(at(20), []problem.Finding{first}, nil)
			r.Observe(at(test.onset), []problem.Finding{first}, nil)
			both := loss(node4, test.onset, "jk", "ab")
			both.Symptoms = []string{first.Rule}
			both.Members = append(both.Members, first.Members[0])
			both.Members[2].Symptom = true
			assert.Equal(t, test.want, told(r.Observe(at(test.onset+20), []problem.Finding{both}, nil)))
		})
	}
}

// Repeated handshakes are a full queue's, and do not take its name away.
func TestSymptomsJoinTheirCause(t *testing.T) {
	r := problem.NewRegister(10, patient)
	r.Observe(at(20), []problem.Finding{overflow(10)}, nil)
	assert.Empty(t, r.Observe(at(45), []problem.Finding{syn(30, "hk")}, nil))
	closed := r.Observe(at(100), []problem.Finding{syn(30, "hk")}, ended(30, "overflow"))
	assert.Empty(t, closed, "its symptom goes on")
	closed = r.Observe(at(130), nil, ended(60, "syn hk"))
	require.Len(t, closed, 1)
	assert.Equal(t, "tcp_accept_overflow", closed[0].Problem.Type)
	assert.Equal(t, 2, closed[0].Problem.Anomalies)

	r.Observe(at(20), []problem.Finding{overflow(10)}, nil)
	assert.Len(t, r.Observe(at(45), []problem.Finding{syn(30, "hj")}, nil), 1, "another server's clients")
}

// A wide fault that is over does not come back as whatever is small and near.
func TestOnlyTheSameComesBack(t *testing.T) {
	r := problem.NewRegister(10, patient)
	wide := loss(node4, 0, "jk", "ab", "cd")
	r.Observe(at(20), []problem.Finding{wide}, nil)
	r.Observe(at(100), nil, ended(40, "loss jk", "loss ab", "loss cd"))
	assert.Equal(t, []string{"open P-260304-002 pair k8s/service-a → k8s/service-b"},
		told(r.Observe(at(200), []problem.Finding{loss(pair("a", "b"), 180, "ab")}, nil)))
	again := loss(pair("j", "k"), 190, "jk", "cd")
	again.Members[0].ID, again.Members[1].ID = "jk again", "cd again"
	assert.Equal(t, []string{"open P-260304-001 pair k8s/service-j → k8s/service-k"},
		told(r.Observe(at(210), []problem.Finding{again}, nil)), "most of the pairs")
}

// A problem ends when all that is left of it for two minutes is too little to open one, although
// a series goes on above its baseline.
func TestSmallRemainsKeepNothingOpen(t *testing.T) {
	r := problem.NewRegister(10, patient)
	jk := loss(pair("j", "k"), 0, "jk")
	r.Observe(at(20), []problem.Finding{jk}, nil)
	jk.Members[0].Gate = problem.Corroborated
	assert.Empty(t, r.Observe(at(140), []problem.Finding{jk}, nil))
	closed := r.Observe(at(145), []problem.Finding{jk}, nil)
	require.Equal(t, []string{"close P-260304-001 pair k8s/service-j → k8s/service-k"}, told(closed))
	assert.Equal(t, at(20), closed[0].Problem.End)
	assert.Empty(t, r.Observe(at(150), []problem.Finding{jk}, nil), "it does not open one")
}

// Another root has to be found three times, or to explain more.
func TestRootDoesNotFlutter(t *testing.T) {
	r := problem.NewRegister(10, patient)
	three := loss(node4, 0, "jk", "ab", "cd")
	r.Observe(at(20), []problem.Finding{three}, nil)
	for s := 25; s < 65; s += 10 {
		assert.Empty(t, r.Observe(at(s), []problem.Finding{loss(pair("a", "b"), 0, "ab")}, nil))
		assert.Empty(t, r.Observe(at(s+5), []problem.Finding{three}, nil))
	}
	for s := 65; s < 75; s += 5 {
		assert.Empty(t, r.Observe(at(s), []problem.Finding{loss(pair("a", "b"), 0, "ab")}, nil))
	}
	assert.Equal(t, []string{"update P-260304-001 pair k8s/service-a → k8s/service-b"},
		told(r.Observe(at(75), []problem.Finding{loss(pair("a", "b"), 0, "ab")}, nil)))
	likely := loss(node4, 0, "jk")
	likely.Root.Likelihood = 3
	assert.Len(t, r.Observe(at(80), []problem.Finding{likely}, nil), 1)
}
