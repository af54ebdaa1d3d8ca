// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// The checker's pipeline fails every other time, and takes it amiss if data is given up.
func TestConsumeContractOfLogs(t *testing.T) {
	generator := new(eventGenerator)
	cfg := createDefaultConfig().(*Config)
	cfg.Events.ConnectionFailed.Enabled = true
	pool := newPool(func(*Config) (kernel, error) { return generator, nil }, now)
	pool.pace = pace{batch: 8, gather: time.Millisecond, retry: time.Microsecond, attempts: 24}
	receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
		T:             t,
		Factory:       stampingLogsFactory(newFactory(pool)),
		Signal:        pipeline.SignalLogs,
		Config:        cfg,
		Generator:     generator,
		GenerateCount: 300,
	})
}

// An eventGenerator makes one failed connection after the other, each told by its
// server's address.
type eventGenerator struct {
	fakeKernel
	events *fakeEvents
	last   atomic.Uint32
}

func (*eventGenerator) Start() {}
func (*eventGenerator) Stop()  {}

// Events is of the receiver that starts, before anything is generated.
func (g *eventGenerator) Events() (eventReader, error) {
	g.events = newFakeEvents()
	return g.events, nil
}

func (g *eventGenerator) Generate() []receivertest.UniqueIDAttrVal {
	e := failed(flow.FailureRefused, time.Second, 0)
	e.Key.Remote = clientKey(0, g.last.Add(1)).Remote
	g.events.events <- e
	return []receivertest.UniqueIDAttrVal{receivertest.UniqueIDAttrVal(e.Key.Remote.String())}
}

// stampingLogsFactory makes receivers whose records carry the identity that the
// contract's checker looks for.
func stampingLogsFactory(inner receiver.Factory) receiver.Factory {
	return receiver.NewFactory(metadata.Type, inner.CreateDefaultConfig, receiver.WithLogs(
		func(ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
			set.ID = component.NewID(metadata.Type)
			stamped, err := consumer.NewLogs(func(ctx context.Context, ld plog.Logs) error {
				stamp(ld)
				return next.ConsumeLogs(ctx, ld)
			})
			if err != nil {
				return nil, err
			}
			return inner.CreateLogs(ctx, set, cfg, stamped)
		}, metadata.LogsStability))
}

func stamp(ld plog.Logs) {
	for _, rl := range ld.ResourceLogs().All() {
		for _, r := range rl.ScopeLogs().At(0).LogRecords().All() {
			address, _ := r.Attributes().Get(names.DestinationAddress)
			r.Attributes().PutStr(receivertest.UniqueIDAttrName, address.Str())
		}
	}
}
