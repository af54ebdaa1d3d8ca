// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadatatest"
)

// A logsPipeline is a receiver that sends what a fake hands out, with the clock of a
// synctest bubble.
type logsPipeline struct {
	receiver.Logs
	fakeKernel
	cfg     *Config
	factory receiver.Factory
	events  *fakeEvents
	vitals  func() (vitals, error)
	consume func(context.Context, plog.Logs) error

	start     time.Time
	sent      []string // "time: records", accepted or not
	opened    []*Config
	collected int
	closed    int
}

func newLogsPipeline(t *testing.T, set receiver.Settings, consume func(context.Context, plog.Logs) error) *logsPipeline {
	t.Helper()
	p := &logsPipeline{cfg: createDefaultConfig().(*Config), events: newFakeEvents(), consume: consume, start: time.Now()}
	p.fakeKernel = func(context.Context, func(*flow.Delta)) (flow.Report, error) {
		p.collected++
		return flow.Report{}, nil
	}
	p.vitals = p.fakeKernel.Vitals
	p.cfg.Events.ConnectionFailed.Enabled = true
	p.factory = newFactory(newPool(func(cfg *Config) (kernel, error) { p.opened = append(p.opened, cfg); return p, nil }, bubble))
	next, err := consumer.NewLogs(func(ctx context.Context, ld plog.Logs) error {
		p.sent = append(p.sent, fmt.Sprintf("%s: %d", time.Since(p.start), ld.LogRecordCount()))
		return p.consume(ctx, ld)
	})
	require.NoError(t, err)
	p.Logs, err = p.factory.CreateLogs(t.Context(), set, p.cfg, next)
	require.NoError(t, err)
	return p
}

func (p *logsPipeline) Events() (eventReader, error) { return p.events, nil }
func (p *logsPipeline) Vitals() (vitals, error)      { return p.vitals() }
func (p *logsPipeline) Close() error                 { p.closed++; return nil }

func (p *logsPipeline) run(t *testing.T, d time.Duration) {
	t.Helper()
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	wait(d)
}

func (p *logsPipeline) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, 1, p.closed)
	assert.EqualValues(t, 1, p.events.closed.Load())
}

func (p *logsPipeline) happen(n int) {
	for range n {
		p.events.events <- failed(flow.FailureRefused, time.Second, 0)
	}
}

func acceptLogs(context.Context, plog.Logs) error { return nil }

func failingLogs(errs ...error) func(context.Context, plog.Logs) error {
	next := failing(errs...)
	return func(ctx context.Context, _ plog.Logs) error { return next(ctx, pmetric.NewMetrics()) }
}

func nopSettings() receiver.Settings { return receivertest.NewNopSettings(metadata.Type) }

func TestEventsAreSentInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLogsPipeline(t, nopSettings(), acceptLogs)
		p.run(t, time.Minute)
		p.happen(2)
		wait(100 * time.Millisecond)
		p.happen(1)
		wait(time.Minute)
		p.happen(eventPace.batch + 1)
		wait(time.Second)
		assert.Equal(t, []string{"1m0.2s: 3", "2m0.1s: 512", "2m0.3s: 1"}, p.sent)
		p.stop(t)
		assert.Len(t, p.sent, 3)
	})
}

func TestShutdownSendsWhatHappened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLogsPipeline(t, nopSettings(), acceptLogs)
		require.NoError(t, p.Shutdown(t.Context()), "without a start")
		p.run(t, time.Second)
		p.happen(2)
		p.stop(t)
		p.stop(t)
		assert.Equal(t, []string{"1s: 2"}, p.sent)
	})
}

func TestShutdownDoesNotWaitForABlockedLogsPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLogsPipeline(t, nopSettings(), func(ctx context.Context, _ plog.Logs) error {
			<-ctx.Done()
			return ctx.Err()
		})
		p.run(t, time.Second)
		p.happen(3)
		wait(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Shutdown(ctx), context.DeadlineExceeded)
		synctest.Wait()
		assert.Equal(t, 1, p.closed)
		assert.Equal(t, []string{"1.2s: 3"}, p.sent)
	})
}

func TestLogsAloneEmptyTheKernel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLogsPipeline(t, nopSettings(), acceptLogs)
		p.run(t, 25*time.Second)
		assert.Equal(t, 2, p.collected)
		p.stop(t)
	})
}

// A connection that got no record makes no event: it is told of, as with a metrics pipeline.
func TestLogsAloneTellWhatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tt, set, _ := telemetry(t)
		p := newLogsPipeline(t, set, acceptLogs)
		n := uint64(0)
		p.vitals = func() (vitals, error) { n++; return growing(n), nil }
		p.fakeKernel = func(context.Context, func(*flow.Delta)) (flow.Report, error) {
			report := flow.Report{}
			report.Lost[flow.LostNoStorage] = 2
			return report, nil
		}
		p.run(t, 25*time.Second) // two intervals
		lost := make([]metricdata.DataPoint[int64], 0, len(lostReasons))
		for reason, value := range [flow.NumLostReasons]int64{flow.LostNoStorage: 4} {
			lost = append(lost, count(value, attribute.String("reason", lostReasons[reason]))...)
		}
		metadatatest.AssertEqualEbpfTCPLost(t, tt, lost, ignoreTime...)
		metadatatest.AssertEqualEbpfTCPConnectUnnoted(t, tt, count(8), ignoreTime...)
		metadatatest.AssertEqualEbpfTCPMapEntries(t, tt, count(20, attribute.String("map", "flows")), ignoreTime...)
		p.stop(t)
	})
}

// With a metrics pipeline, that one empties the kernel, whatever the logs do.
func TestBlockedLogsDoNotBlockMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLogsPipeline(t, nopSettings(), func(ctx context.Context, _ plog.Logs) error {
			<-ctx.Done()
			return ctx.Err()
		})
		sink := new(consumertest.MetricsSink)
		metrics, err := p.factory.CreateMetrics(t.Context(), nopSettings(), p.cfg, sink)
		require.NoError(t, err)
		require.NoError(t, metrics.Start(t.Context(), componenttest.NewNopHost()))
		p.run(t, 0)
		p.happen(1)
		wait(25 * time.Second)
		assert.Equal(t, []string{"200ms: 1"}, p.sent)
		assert.Len(t, sink.AllMetrics(), 3)
		assert.Equal(t, 3, p.collected, "by the metrics' side alone")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Shutdown(ctx), context.DeadlineExceeded)
		require.NoError(t, metrics.Shutdown(t.Context()))
		synctest.Wait()
		assert.Len(t, p.opened, 1)
		assert.Equal(t, 1, p.closed)
	})
}

func TestNoKernelWithoutEvents(t *testing.T) {
	_, set, logs := telemetry(t)
	p := newLogsPipeline(t, set, acceptLogs)
	p.cfg.Events.ConnectionFailed.Enabled = false
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Empty(t, p.opened)
	assert.Equal(t, []string{"info: no event is switched on: ebpf_tcp sends no logs"}, messages(logs))
}

func TestEventsThatNobodyReadsAreOff(t *testing.T) {
	_, set, logs := telemetry(t)
	var opened []*Config
	factory := newFactory(newPool(func(cfg *Config) (kernel, error) { opened = append(opened, cfg); return fakeKernel(quiet), nil }, second0))
	cfg := factory.CreateDefaultConfig().(*Config)
	cfg.Events.ConnectionReset.Enabled = true
	metrics, err := factory.CreateMetrics(t.Context(), set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, metrics.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, metrics.Shutdown(t.Context()))
	require.Len(t, opened, 1)
	assert.False(t, opened[0].Events.enabled())
	assert.True(t, cfg.Events.enabled(), "the user's own is as it was")
	assert.Contains(t, messages(logs), "warn: events are switched on, but this component is in no logs pipeline: they go nowhere")
}

func TestStartOfLogsReturnsTheReason(t *testing.T) {
	missing := errors.New("the kernel has no BTF")
	factory := newFactory(newPool(func(*Config) (kernel, error) { return nil, missing }, bubble))
	cfg := factory.CreateDefaultConfig().(*Config)
	cfg.Events.ConnectionReset.Enabled = true
	r, err := factory.CreateLogs(t.Context(), nopSettings(), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.ErrorIs(t, r.Start(t.Context(), componenttest.NewNopHost()), missing)
	require.NoError(t, r.Shutdown(t.Context()))
}
