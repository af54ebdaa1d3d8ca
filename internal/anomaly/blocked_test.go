// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A wall takes nothing, whatever it is told, until it falls.
type wall chan struct{}

func (wall) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (w wall) ConsumeLogs(context.Context, plog.Logs) error {
	<-w
	return nil
}

// A dam is a wall for metrics.
type dam struct {
	consumertest.MetricsSink
	reached chan struct{}
	wall    chan struct{}
}

func (d *dam) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	d.reached <- struct{}{}
	<-d.wall
	return d.MetricsSink.ConsumeMetrics(ctx, md)
}

// A metrics pipeline that blocks for ever delays neither detection nor the end.
func TestABlockedMetricsPipeline(t *testing.T) {
	cfg, err := load(t, map[string]any{"aggregate": "none"})
	require.NoError(t, err)
	blocked := &dam{reached: make(chan struct{}, 100), wall: make(chan struct{})}
	fall := sync.OnceFunc(func() { close(blocked.wall) })
	beats := make(chan time.Time)
	p := startWith(t, cfg, componenttest.NewNopHost(), morning, func(side *MetricsSide) {
		side.next = blocked
		side.clock.Tick = func(time.Duration) (<-chan time.Time, func()) { return beats, func() {} }
	})
	t.Cleanup(fall)
	beat := func() {
		for range 2 { // the second one is taken when all is done that the first one says
			select {
			case beats <- time.Time{}:
			case <-time.After(10 * time.Second):
				require.Fail(t, "detection waits for a pipeline that takes nothing")
			}
		}
	}
	p.lose(beat)
	beat()
	<-blocked.reached
	require.Equal(t, 1, p.metrics.desk.engine.Sizes().Problems)
	for n := range 30 {
		p.tell(120_000+5000*n, 620+n)
		beat()
	}
	assert.Zero(t, p.metrics.desk.engine.Sizes().Problems)
	assert.Empty(t, blocked.reached, "one is on its way")

	p.metrics.teller.grace = 50 * time.Millisecond
	ended := make(chan error, 1)
	go func() { ended <- p.metrics.Shutdown(context.Background()) }()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		require.Fail(t, "the end waits for a pipeline that takes nothing")
	}
	fall()
	require.Eventually(t, func() bool { return len(blocked.AllMetrics()) == 1 }, 10*time.Second, time.Millisecond)
}

// A logs pipeline that blocks for ever delays neither metrics nor the end, and each event is
// counted once.
func TestABlockedLogsPipeline(t *testing.T) {
	cfg, err := load(t, map[string]any{
		"identity": map[string]any{"static": map[string]any{"file": writeIdentities(t)}}, "aggregate": "none",
		"events": map[string]any{"queue_size": 1},
	})
	require.NoError(t, err)
	p := startMetrics(t, cfg, componenttest.NewNopHost(), morning)
	blocked := make(wall)
	logs := NewLogsSide(settingsOf(p.self.NewTelemetrySettings()), cfg, blocked)
	logs.grace = 50 * time.Millisecond
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))

	slowest := time.Duration(0)
	tell := func(segments, episodes int) {
		began := time.Now()
		p.tell(segments, episodes)
		slowest = max(slowest, time.Since(began))
	}
	for n := range 20 {
		tell(5000*n, n)
	}
	for n := range 8 {
		tell(100_000+5000*n, 20+150*n)
	}
	for n := range 30 {
		tell(140_000+5000*n, 1100+n)
	}
	assert.Less(t, slowest, 5*time.Second)
	assert.Zero(t, p.metrics.desk.engine.Sizes().Problems, "the problem came and went")
	sent, dropped := p.metrics.desk.fates()
	assert.Zero(t, sent)
	assert.NotZero(t, dropped[names.DropQueueFull])

	ended := make(chan error, 1)
	go func() { ended <- logs.Shutdown(context.Background()) }()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		require.Fail(t, "it waits for a pipeline that takes nothing")
	}
	_, dropped = p.metrics.desk.fates()
	lost := dropped[names.DropQueueFull] + dropped[names.DropNotAccepted]
	assert.NotZero(t, dropped[names.DropNotAccepted], "what was on its way")
	assert.EqualValues(t, 4, lost, "an anomaly and a problem were opened, and closed")
	close(blocked)
	<-logs.stopped
	sent, dropped = p.metrics.desk.fates()
	assert.Zero(t, sent, "what was given up is lost, whatever the pipeline says later")
	assert.Equal(t, lost, dropped[names.DropQueueFull]+dropped[names.DropNotAccepted])
}
