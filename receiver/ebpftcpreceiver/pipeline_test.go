// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// A testPipeline is a receiver that exports tcp.flow.io of what the kernel reports,
// with the clock of a synctest bubble.
type testPipeline struct {
	receiver.Metrics
	cfg     *Config
	collect fakeKernel
	consume func(context.Context, pmetric.Metrics) error
	vitals  func() (vitals, error)
	sweep   func(context.Context) error
	hooks   []hook

	start    time.Time
	exported []string // "time: bytes", accepted or not
	closed   int
}

// oneByte is a kernel in which a flow sends one byte between two sweeps.
func oneByte(_ context.Context, visit func(*flow.Delta)) (flow.Report, error) {
	d := flow.Delta{Key: clientKey(1, 1)}
	d.Bytes[flow.Transmit] = 1
	visit(&d)
	return flow.Report{}, nil
}

func accept(context.Context, pmetric.Metrics) error { return nil }

func newPipeline(t *testing.T, collect fakeKernel, consume func(context.Context, pmetric.Metrics) error) *testPipeline {
	t.Helper()
	p := &testPipeline{cfg: createDefaultConfig().(*Config), collect: collect, consume: consume, start: time.Now()}
	p.vitals, p.sweep = collect.Vitals, collect.Sweep
	switchOffAllBut(names.FlowIO)(p.cfg)
	p.Metrics = p.create(t, receivertest.NewNopSettings(metadata.Type))
	return p
}

func (p *testPipeline) create(t *testing.T, set receiver.Settings) receiver.Metrics {
	t.Helper()
	next, err := consumer.NewMetrics(func(ctx context.Context, md pmetric.Metrics) error {
		p.note(md)
		return p.consume(ctx, md)
	})
	require.NoError(t, err)
	factory := newFactory(newPool(func(*Config) (kernel, error) { return p, nil }, bubble))
	r, err := factory.CreateMetrics(t.Context(), set, p.cfg, next)
	require.NoError(t, err)
	return r
}

// bubble reads the bubble's one clock.
func bubble() flow.Instant {
	now := uint64(time.Now().UnixNano())
	return flow.Instant{Wall: now, Boot: now}
}

func (p *testPipeline) Collect(ctx context.Context, visit func(*flow.Delta)) (flow.Report, error) {
	return p.collect(ctx, visit)
}
func (p *testPipeline) Sweep(ctx context.Context) error { return p.sweep(ctx) }

func (*testPipeline) Owner(id flow.OwnerID) flow.Owner { return flow.Owner{ID: id} }

func (p *testPipeline) Vitals() (vitals, error) { return p.vitals() }

func (p *testPipeline) Hooks() []hook { return p.hooks }

func (*testPipeline) Events() (eventReader, error) { return newFakeEvents(), nil }

func (*testPipeline) Whole() bool    { return true }
func (p *testPipeline) Close() error { p.closed++; return nil }

func (p *testPipeline) note(md pmetric.Metrics) {
	points := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints()
	p.exported = append(p.exported, fmt.Sprintf("%s: %s", time.Since(p.start), bytesSent(points.At(0))))
}

func bytesSent(point pmetric.NumberDataPoint) string {
	if point.Flags().NoRecordedValue() {
		return "end"
	}
	return strconv.FormatInt(point.IntValue(), 10)
}

// wait lets the bubble's clock run.
func wait(d time.Duration) {
	time.Sleep(d) // in a bubble: no real time passes
	synctest.Wait()
}

func (p *testPipeline) run(t *testing.T, d time.Duration) {
	t.Helper()
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	wait(d)
}

func (p *testPipeline) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.Shutdown(t.Context()))
	assert.Equal(t, 1, p.closed)
}

func (p *testPipeline) next(t *testing.T) consumer.Metrics {
	t.Helper()
	next, err := consumer.NewMetrics(p.consume)
	require.NoError(t, err)
	return next
}

// failing is a pipeline that returns these errors, and then none.
func failing(errs ...error) func(context.Context, pmetric.Metrics) error {
	return func(context.Context, pmetric.Metrics) error {
		if len(errs) == 0 {
			return nil
		}
		err := errs[0]
		errs = errs[1:]
		return err
	}
}

var (
	errBusy    = errors.New("queue is full")
	errInvalid = consumererror.NewPermanent(errors.New("no such tenant"))
)
