// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// patient is how long registers of these tests wait for what is not found any more.
const patient = time.Hour

var begin = time.Date(2026, 3, 4, 9, 33, 0, 0, time.UTC)

func at(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }

func service(name string) localize.Name {
	return localize.Name{Namespace: "k8s", Kind: "Deployment", Name: "service-" + name}
}

func pair(a, b string) localize.Place {
	return localize.Place{Kind: localize.KindPair, A: service(a), B: service(b)}
}

// loss is found on the pairs of services, named by two letters each, with an anomaly each
// that began at a second.
func loss(place localize.Place, onset int, pairs ...string) problem.Finding {
	f := problem.Finding{Type: "tcp_retransmit_rise", Class: "loss", Root: localize.Root{Candidate: localize.Candidate{Place: place}}}
	for _, p := range pairs {
		f.Members = append(f.Members, problem.Anomaly{
			ID: "loss " + p, Gate: problem.Alone, Onset: at(onset), Sender: service(p[:1]), Receiver: service(p[1:]),
		})
	}
	return f
}

// told is what a reader hears.
func told(changes []problem.Change) (out []string) {
	for _, c := range changes {
		out = append(out, string(c.State)+" "+c.Problem.DisplayID+" "+c.Problem.Root.Place.String())
	}
	return out
}

func ended(seconds int, ids ...string) map[string]time.Time {
	m := make(map[string]time.Time)
	for _, id := range ids {
		m[id] = at(seconds)
	}
	return m
}

func TestLifeOfAProblem(t *testing.T) {
	r := problem.NewRegister(10, patient)
	jk := []problem.Finding{loss(pair("j", "k"), 0, "jk")}
	opened := r.Observe(at(20), jk, nil)
	require.Equal(t, []string{"open P-260304-001 pair k8s/service-j → k8s/service-k"}, told(opened))
	for s := 25; s < 320; s += 5 {
		require.Empty(t, r.Observe(at(s), jk, nil), "nothing new at %d s", s)
	}
	require.Len(t, r.Observe(at(320), jk, nil), 1, "told again after five minutes")
	closed := r.Observe(at(385), nil, ended(325, "loss jk"))
	require.Equal(t, []string{"close P-260304-001 pair k8s/service-j → k8s/service-k"}, told(closed))
	p := closed[0].Problem
	assert.Equal(t, []time.Time{at(0), at(20), at(20), at(325)}, []time.Time{p.Start, p.Detected, p.Acknowledged, p.End})
	assert.Equal(t, 20*time.Second, p.MTTA())
	assert.Equal(t, 325*time.Second, p.MTTR())
	assert.True(t, p.AckAuto)
	assert.Equal(t, opened[0].Problem.ID, p.ID)
	assert.Len(t, p.ID, 16)
}

func TestSameFaultSameID(t *testing.T) {
	id := func(f problem.Finding) string {
		return problem.NewRegister(1, patient).Observe(at(20), []problem.Finding{f}, nil)[0].Problem.ID
	}
	assert.Equal(t, id(loss(pair("j", "k"), 0, "jk")), id(loss(pair("j", "k"), 0, "jk", "jl")))
	assert.NotEqual(t, id(loss(pair("j", "k"), 0, "jk")), id(loss(pair("j", "k"), 5, "jk")))
	assert.NotEqual(t, id(loss(pair("j", "k"), 0, "jk")), id(loss(pair("k", "j"), 0, "jk")))
}

func TestNoSymptomWithoutAGate(t *testing.T) {
	weak := loss(pair("j", "k"), 0, "jk", "jl")
	weak.Members[0].Gate, weak.Members[1].Gate = problem.Corroborated, problem.Evidence
	r := problem.NewRegister(10, patient)
	assert.Empty(t, r.Observe(at(20), []problem.Finding{weak}, nil), "one series that rose is no problem")
	weak.Members[1].Gate = problem.Corroborated
	assert.Len(t, r.Observe(at(25), []problem.Finding{weak}, nil), 1)
}

// Pairs go bad one after the other until it is clear that it is the node.
func TestRootMovesAndIDStays(t *testing.T) {
	r := problem.NewRegister(10, patient)
	first := r.Observe(at(20), []problem.Finding{loss(pair("j", "k"), 0, "jk")}, nil)
	node := localize.Place{Kind: localize.KindNode, A: localize.Name{Name: "node-4"}}
	later := r.Observe(at(25), []problem.Finding{loss(node, 0, "jk", "ab", "cd")}, nil)
	require.Equal(t, []string{"update P-260304-001 node node-4"}, told(later))
	assert.Equal(t, first[0].Problem.ID, later[0].Problem.ID)
	assert.Equal(t, 3, later[0].Problem.Anomalies)
}

func TestTwoFaultsAreTwoProblemsUntilTheyAreOne(t *testing.T) {
	r := problem.NewRegister(10, patient)
	two := r.Observe(at(20), []problem.Finding{loss(pair("j", "k"), 0, "jk"), loss(pair("a", "b"), 0, "ab")}, nil)
	require.Len(t, two, 2)
	node := localize.Place{Kind: localize.KindNode, A: localize.Name{Name: "node-4"}}
	one := r.Observe(at(25), []problem.Finding{loss(node, 0, "jk", "ab")}, nil)
	require.Equal(t, []string{"close P-260304-002 pair k8s/service-a → k8s/service-b", "update P-260304-001 node node-4"}, told(one))
	assert.Equal(t, two[0].Problem.ID, one[0].Problem.MergedInto)
	closed := r.Observe(at(100), nil, ended(40, "loss jk"))
	require.Empty(t, closed, "the other's anomaly goes on")
	require.Len(t, r.Observe(at(105), nil, ended(45, "loss ab")), 1)
}

func TestComesBack(t *testing.T) {
	r := problem.NewRegister(10, patient)
	first := r.Observe(at(20), []problem.Finding{loss(pair("j", "k"), 0, "jk")}, nil)
	r.Observe(at(100), nil, ended(40, "loss jk"))
	again := loss(pair("j", "k"), 400, "jk")
	again.Members[0].ID = "another"
	second := r.Observe(at(420), []problem.Finding{again}, nil)
	require.Equal(t, []string{"open P-260304-001 pair k8s/service-j → k8s/service-k"}, told(second))
	assert.Equal(t, first[0].Problem.ID, second[0].Problem.ID)
	assert.Equal(t, 1, second[0].Problem.Reopened)
	assert.Equal(t, at(0), second[0].Problem.Start)

	r.Observe(at(500), nil, ended(440, "another"))
	late := loss(pair("j", "k"), 1200, "jk")
	require.Equal(t, []string{"open P-260304-002 pair k8s/service-j → k8s/service-k"},
		told(r.Observe(at(1220), []problem.Finding{late}, nil)), "more than ten minutes later it is another one")
}

func TestAcknowledge(t *testing.T) {
	r := problem.NewRegister(10, patient)
	jk := []problem.Finding{loss(pair("j", "k"), 0, "jk")}
	r.Observe(at(20), jk, nil)
	assert.False(t, r.Acknowledge(at(60), "P-260304-009", at(60)))
	assert.True(t, r.Acknowledge(at(60), "P-260304-001", at(60)))
	told := r.Observe(at(65), jk, nil)
	require.Len(t, told, 1)
	assert.Equal(t, time.Minute, told[0].Problem.MTTA())
	assert.False(t, told[0].Problem.AckAuto)
}

// An acknowledgement is told of at the next moment, once, also if nothing is found of the problem then.
func TestAcknowledgeIsToldOfWithoutAFinding(t *testing.T) {
	r := problem.NewRegister(10, patient)
	r.Observe(at(20), []problem.Finding{loss(pair("j", "k"), 0, "jk")}, nil)
	require.True(t, r.Acknowledge(at(25), "P-260304-001", at(25)))
	changes := r.Observe(at(30), nil, nil)
	require.Equal(t, []string{"update P-260304-001 " + pair("j", "k").String()}, told(changes))
	assert.Equal(t, at(25), changes[0].Problem.Acknowledged)
	assert.Empty(t, r.Observe(at(40), nil, nil))
}

// Who acknowledges by a clock that is 70 years ahead does so now.
func TestAcknowledgeByAnotherClock(t *testing.T) {
	for name, test := range map[string]struct {
		at   time.Time
		want time.Duration
	}{
		"from the future": {at(60).AddDate(70, 0, 0), time.Minute},
		"before it began": {at(-60), 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := problem.NewRegister(10, patient)
			jk := []problem.Finding{loss(pair("j", "k"), 0, "jk")}
			r.Observe(at(20), jk, nil)
			require.True(t, r.Acknowledge(at(60), "P-260304-001", test.at))
			told := r.Observe(at(65), jk, nil)
			require.Len(t, told, 1)
			assert.Equal(t, test.want, told[0].Problem.MTTA())
		})
	}
}

func TestRegisterIsBounded(t *testing.T) {
	r := problem.NewRegister(1, patient)
	assert.Len(t, r.Observe(at(20), []problem.Finding{loss(pair("j", "k"), 0, "jk"), loss(pair("a", "b"), 0, "ab")}, nil), 1)
	assert.EqualValues(t, 1, r.Dropped())
}

func TestSurvivesARestart(t *testing.T) {
	before := problem.NewRegister(10, patient)
	opened := before.Observe(at(20), []problem.Finding{loss(pair("j", "k"), 0, "jk"), loss(pair("a", "b"), 0, "ab")}, nil)
	saved, err := before.Save(0)
	require.NoError(t, err)

	after := problem.NewRegister(10, patient)
	require.NoError(t, after.Load(saved))
	assert.Empty(t, after.Observe(at(60), nil, nil), "detectors need time to see it again")
	again := loss(pair("j", "k"), 70, "jk")
	again.Members[0].ID = "after the restart"
	assert.Equal(t, []string{"update P-260304-001 pair k8s/service-j → k8s/service-k"},
		told(after.Observe(at(90), []problem.Finding{again}, nil)), "it is the same problem")
	closed := after.Observe(at(145), []problem.Finding{again}, nil)
	require.Equal(t, []string{"close P-260304-002 pair k8s/service-a → k8s/service-b"}, told(closed), "not seen again")
	closed = after.Observe(at(300), nil, ended(240, "after the restart"))
	require.Len(t, closed, 1)
	assert.Equal(t, opened[0].Problem.ID, closed[0].Problem.ID)
	assert.Equal(t, at(0), closed[0].Problem.Start)
	assert.Equal(t, []string{"open P-260304-003 pair k8s/service-x → k8s/service-y"},
		told(after.Observe(at(305), []problem.Finding{loss(pair("x", "y"), 290, "xy")}, nil)), "numbers go on")
}

func TestLoadRefuses(t *testing.T) {
	r := problem.NewRegister(1, patient)
	for saved, want := range map[string]string{
		"{":                           "load problems: unexpected end of JSON input",
		`{"Version":7}`:               "load problems: they are of version 7, and only 1 can be read",
		`{"Version":1,"Open":[null]}`: "load problems: problem 1 of 1 has no id",
	} {
		assert.EqualError(t, r.Load([]byte(saved)), want)
	}
}
