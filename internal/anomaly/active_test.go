// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// A backend knows what it was told of open problems last, and may refuse to hear.
type backend struct {
	t       *testing.T
	teller  *teller
	desk    *desk
	refuses error
	active  map[string]int64
	told    int
	last    time.Time
	ended   bool // the last that was told is that there is nothing any more
}

func newBackend(t *testing.T) *backend {
	a := &backend{t: t, active: make(map[string]int64), desk: &desk{totals: newTotals(morning)}}
	next, err := consumer.NewMetrics(a.take)
	require.NoError(t, err)
	set := settingsOf(componenttest.NewNopTelemetrySettings())
	a.teller = newTeller(&set, next, Clock{Go: func(f func()) { f() }})
	return a
}

func (a *backend) take(_ context.Context, md pmetric.Metrics) error {
	if a.refuses != nil {
		return a.refuses
	}
	a.told = 0
	for _, p := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().All() {
		a.last, a.ended = p.Timestamp().AsTime(), p.Flags().NoRecordedValue()
		if a.ended {
			require.Equal(a.t, pmetric.NumberDataPointValueTypeEmpty, p.ValueType())
		}
		a.active[fmt.Sprint(text(p.Attributes(), "tcp.problem.type"), " ", text(p.Attributes(), "source.workload.name"))] = p.IntValue()
		a.told++
	}
	return nil
}

// tell tells of problems, by id, what they are now.
func (a *backend) tell(state problem.State, id, kind, node string) {
	c := problem.Change{State: state}
	c.Problem.ID, c.Problem.Type, c.Problem.Node.Name = id, kind, node
	a.desk.totals.add(&engine.Event{Problem: &c})
	a.teller.tell(context.Background(), a.desk, morning.Add(time.Minute))
}

// A gauge says that no problem is open any more, whatever the problem turned out to be and whoever refused
// to hear it.
func TestEachActiveProblemIsToldToEnd(t *testing.T) {
	a := newBackend(t)
	a.tell(problem.Open, "1", "tcp_rtt_rise", "j")
	a.tell(problem.Open, "2", "tcp_rtt_rise", "j")
	require.Equal(t, map[string]int64{"tcp_rtt_rise j": 2}, a.active)
	a.tell(problem.Update, "1", "tcp_retransmit_rise", "k")
	assert.Equal(t, map[string]int64{"tcp_rtt_rise j": 1, "tcp_retransmit_rise k": 1}, a.active)
	a.refuses = assert.AnError
	a.tell(problem.Update, "2", "tcp_jitter_rise", "j")
	a.tell(problem.Close, "1", "tcp_retransmit_rise", "k")
	a.refuses = nil
	a.tell(problem.Close, "2", "tcp_jitter_rise", "j")
	assert.Equal(t, map[string]int64{"tcp_rtt_rise j": 0, "tcp_retransmit_rise k": 0, "tcp_jitter_rise j": 0}, a.active)

	a.tell(problem.Open, "3", "tcp_zero_window", "l")
	assert.Equal(t, 1, a.told, "what was heard to end is told of no more")
}

// What was told ends with the teller, later than it was told last, and what was not told does not.
func TestWhatWasToldEndsWithTheTeller(t *testing.T) {
	a := newBackend(t)
	a.teller.clock.Now = func() time.Time { return morning }
	a.refuses = assert.AnError
	a.tell(problem.Open, "1", "tcp_rtt_rise", "j")
	a.refuses = nil
	a.teller.end(t.Context(), a.desk)
	require.False(t, a.ended, "nobody was told that it is open")

	a = newBackend(t)
	a.teller.clock.Now = func() time.Time { return morning }
	a.tell(problem.Open, "1", "tcp_rtt_rise", "j")
	told := a.last
	a.tell(problem.Open, "2", "tcp_jitter_rise", "k")
	require.False(t, a.ended)
	a.teller.end(t.Context(), a.desk)
	assert.True(t, a.ended)
	assert.Equal(t, 2, a.told)
	assert.Equal(t, told.Add(time.Millisecond), a.last)
}

func TestActiveIsBounded(t *testing.T) {
	a := newBackend(t)
	for n := range maxTotals + 1 {
		a.tell(problem.Open, fmt.Sprint(n), "tcp_rtt_rise", fmt.Sprint(n))
	}
	assert.Equal(t, maxTotals, a.told)
	assert.EqualValues(t, 1, a.desk.totals.overflow)
	a.tell(problem.Close, fmt.Sprint(maxTotals), "tcp_rtt_rise", fmt.Sprint(maxTotals))
	a.tell(problem.Close, "0", "tcp_rtt_rise", "0")
	a.tell(problem.Open, "again", "tcp_rtt_rise", "again")
	assert.Equal(t, maxTotals, a.told, "there is room again")
	assert.EqualValues(t, 1, a.desk.totals.overflow)
}
