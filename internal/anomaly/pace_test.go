// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// Whoever sets the gateway's clock does not blind it, and what it tells is in the new time.
func TestTheClockIsSet(t *testing.T) {
	for name, test := range map[string]struct{ by, before, agents, began time.Duration }{
		"back, its agents' are not":    {by: -time.Hour, began: 210 * time.Second}, // what they tell counts as of now
		"back, with its agents'":       {by: -time.Hour, agents: -time.Hour, began: 200 * time.Second},
		"back, its agents' were right": {by: -time.Hour, before: -time.Hour, agents: -time.Hour, began: 200 * time.Second},
		"forth, its agents' are not":   {by: time.Hour, began: 210 * time.Second},
		"forth, with its agents'":      {by: time.Hour, agents: time.Hour, began: 200 * time.Second},
		"forth by years":               {by: 9 * 365 * 24 * time.Hour, agents: 9 * 365 * 24 * time.Hour, began: 200 * time.Second},
		"back by a window and a half":  {by: -15 * time.Second, agents: -15 * time.Second, began: 200 * time.Second},
		"forth by a window and a half": {by: 15 * time.Second, agents: 15 * time.Second, began: 200 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(t, map[string]any{})
			require.NoError(t, err)
			p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
			p.agents = test.before
			core, told := observer.New(zapcore.WarnLevel)
			p.metrics.desk.logger = zap.New(core)
			p.startLogs(cfg)
			p.lose(func() {
				p.set.Store(int64(test.by))
				p.agents = test.agents
			})
			require.Eventually(t, func() bool { return len(p.problems()) == 1 }, 10*time.Second, time.Millisecond)
			began, _ := p.problems()[0].Get("tcp.problem.start_time")
			assert.Equal(t, morning.Add(test.by+test.began), time.Unix(0, began.Int()).UTC())
			require.Equal(t, 1, told.Len(), "once")
			assert.Equal(t, "the clock was set; detection goes on, and tells times by the new one", told.All()[0].Message)
			assert.Equal(t, test.by, told.All()[0].ContextMap()["by"])
		})
	}
}

// Forth and back again: what was told of in between is told of in the time of then.
func TestTheClockIsSetBackAgain(t *testing.T) {
	elapsed, set := time.Duration(0), time.Duration(0)
	p := newPace(Clock{
		Now:     func() time.Time { return morning.Add(elapsed + set) },
		Elapsed: func() time.Duration { return elapsed },
	})
	for _, step := range []struct{ elapsed, set, ahead, told time.Duration }{
		{elapsed: time.Second},
		{elapsed: time.Minute, set: 6 * time.Hour, ahead: 6 * time.Hour, told: 6 * time.Hour},
		{elapsed: time.Hour, set: 6 * time.Hour, ahead: 6 * time.Hour},
		{elapsed: 2 * time.Hour, told: -6 * time.Hour},
		{elapsed: 3 * time.Hour, set: leap - 1},
	} {
		elapsed, set = step.elapsed, step.set
		now, told := p.now()
		assert.Equal(t, morning.Add(elapsed), now)
		assert.Equal(t, step.told, told)
		assert.Equal(t, step.ahead, p.ahead)
		at, told := p.instant()
		assert.Zero(t, told, "once")
		assert.Equal(t, uint64(morning.Add(elapsed).UnixNano()), at.Pace)
		assert.Equal(t, uint64(morning.Add(elapsed+step.ahead).UnixNano()), at.Clock)
	}
}

// The system's clock goes on without being told how.
func TestThePaceOfTheSystem(t *testing.T) {
	p := newPace(Clock{}.orSystem())
	began, _ := p.now()
	require.Eventually(t, func() bool { now, _ := p.now(); return now.After(began) }, 10*time.Second, time.Microsecond)
}
