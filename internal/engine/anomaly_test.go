// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// Two workloads that call each other have a direction each way twice: as clients, and as servers. One
// may end before the other.
func TestEitherAnomalyHasAnIDOfItsOwn(t *testing.T) {
	w := newWorld(t, width)
	a, b := pod("service-j", 1, 1), pod("service-k", 1, 2)
	request, _ := w.talk(a, b)
	_, response := w.talk(b, a)
	w.run(30)
	request.loss, response.loss = .05, .05
	w.run(20)
	opened := make(map[string]int)
	for _, n := range w.news {
		if n.Anomaly != nil && n.Anomaly.Verdict.Step == detect.Opened {
			opened[n.Anomaly.ID]++
		}
	}
	require.Len(t, opened, 2)
	require.Equal(t, 2, w.Sizes().Anomalies)
	require.Equal(t, 1, w.Sizes().Problems)

	request.loss = 1e-4
	w.run(20)
	assert.Equal(t, 1, w.Sizes().Anomalies, "one of two has ended")
	assert.Equal(t, 1, w.Sizes().Problems)
	response.loss = 1e-4
	w.run(40)
	assert.Zero(t, w.Sizes().Anomalies)
	assert.Zero(t, w.Sizes().Problems)
}

// TestWhatComesAgainIsToldByItself lets a loss end where so little is sent that nobody is sure of it for minutes. One
// episode later is no problem, though the rise that is still open was one; if more follow they are.
func TestWhatComesAgainIsToldByItself(t *testing.T) {
	w := newWorld(t, width)
	request, _ := w.talk(pod("service-h", 1, 1), pod("service-j", 1, 2))
	request.segments, request.loss = 25, 0
	w.run(60)
	request.fault = all(sums(engine.Episodes, 2), sums(engine.RetransmitFast, 2))
	w.run(8)
	require.Equal(t, 1, w.Sizes().Problems)
	request.fault = nil
	w.run(5)
	require.Zero(t, w.Sizes().Problems)
	require.Equal(t, 1, w.Sizes().Anomalies)
	w.told = nil
	request.fault = all(sums(engine.Episodes, 1), sums(engine.RetransmitFast, 1))
	w.run(1)
	request.fault = nil
	w.run(1)
	assert.Empty(t, w.told)
	request.fault = all(sums(engine.Episodes, 1), sums(engine.RetransmitFast, 1))
	w.run(3)
	assert.Equal(t, []string{"open tcp_retransmit_rise pair shop/service-h → shop/service-j"}, w.told)
}
