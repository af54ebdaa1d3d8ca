// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

const width = 10 * time.Second

// last returns the newest news of a problem.
func (w *world) last(t *testing.T) *problem.Change {
	t.Helper()
	for i := len(w.news) - 1; i >= 0; i-- {
		if p := w.news[i].Problem; p != nil {
			return p
		}
	}
	require.Fail(t, "there is no problem")
	return nil
}

func TestLossBetweenTwoServicesIsOneProblem(t *testing.T) {
	w := newWorld(t, width)
	request, _ := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.talk(pod("service-a", 1, 1), pod("service-j", 1, 1))
	w.talk(pod("service-b", 1, 2), pod("service-k", 1, 2))
	w.run(12) // two minutes
	require.Empty(t, w.told)

	injected := w.now
	request.loss = .03
	w.run(4)
	require.Equal(t, []string{"open tcp_retransmit_rise pair shop/service-j → shop/service-k"}, w.told)
	p := w.last(t).Problem
	assert.LessOrEqual(t, p.Detected.Sub(injected), 40*time.Second)
	assert.Equal(t, "service-j", p.Node.Name)
	assert.Equal(t, "service-k", p.Remote.Name)
	assert.Equal(t, "path", p.Side)
	assert.Equal(t, problem.Error, p.Severity)
	assert.Contains(t, p.Title, "TCP retransmissions rose, service-j → service-k: Retransmission episodes rose from 0.0")
	assert.Equal(t, []localize.Name{{Namespace: "shop", Kind: "Deployment", Name: "service-a"}}, p.Affected[:1])
	assert.Len(t, p.Members, 1)

	w.run(30)
	request.loss = 1e-4
	ended := w.now
	w.run(9)
	assert.Equal(t, "close tcp_retransmit_rise pair shop/service-j → shop/service-k", w.told[len(w.told)-1])
	assert.WithinDuration(t, ended, w.last(t).Problem.End, 2*width)
	w.run(60)
	assert.Equal(t, problem.Close, w.last(t).State)
	assert.Zero(t, w.Sizes().Problems)
	assert.Zero(t, w.Sizes().Anomalies)
}

func TestBothDirectionsAreOneProblem(t *testing.T) {
	w := newWorld(t, width)
	request, response := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	w.talk(pod("service-a", 1, 1), pod("service-j", 1, 1))
	w.run(30)
	request.loss, response.loss = .03, .02
	for _, l := range []*link{request, response} {
		l.rtt *= 4
	}
	w.run(20)
	assert.Equal(t, "open tcp_retransmit_rise pair shop/service-j ↔ shop/service-k", w.told[0])
	assert.Equal(t, 1, w.Sizes().Problems)
	assert.Equal(t, "service-j", w.last(t).Problem.Node.Name)
}

func TestANodeWithABadLinkIsOneProblem(t *testing.T) {
	w := newWorld(t, width)
	var bad []*link
	for i := range 6 {
		for j := range 6 {
			request, response := w.talk(pod("client-"+string(rune('a'+i)), 1, i), pod("server-"+string(rune('a'+j)), 1, j))
			if i == 3 || j == 3 {
				bad = append(bad, request, response)
			}
		}
	}
	w.run(30)
	for _, l := range bad {
		l.loss = .03
	}
	w.run(12)
	assert.Equal(t, 1, w.Sizes().Problems)
	p := w.last(t).Problem
	assert.Equal(t, "node node-3", p.Root.Place.String())
	assert.Equal(t, "tcp_retransmit_rise", p.Type)
}

func TestTwoFaultsAtOnceAreTwoProblems(t *testing.T) {
	w := newWorld(t, width)
	jk, _ := w.talk(pod("service-j", 1, 1), pod("service-k", 1, 2))
	ab, _ := w.talk(pod("service-a", 1, 3), pod("service-b", 1, 4))
	for i := range 5 {
		w.talk(pod("other", i, i), pod("service-k", 1, 2))
		w.talk(pod("other", i, i), pod("service-b", 1, 4))
	}
	w.run(30)
	jk.loss, ab.loss = .03, .03
	w.run(6)
	assert.ElementsMatch(t, []string{
		"open tcp_retransmit_rise pair shop/service-j → shop/service-k",
		"open tcp_retransmit_rise pair shop/service-a → shop/service-b",
	}, w.told)
}

func TestSettings(t *testing.T) {
	_, err := engine.New(engine.Settings{Width: 61 * time.Second, Tracks: 1, FalseADay: 1})
	assert.EqualError(t, err, "check width: 1m1s is not from 1s to 1m0s")
}
