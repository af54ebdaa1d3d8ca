// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

func TestConsumeContract(t *testing.T) {
	generator := &generator{}
	cfg := createDefaultConfig().(*Config)
	switchOffAllBut(names.FlowIO)(cfg)
	cfg.InitialDelay = 0
	cfg.CollectionInterval = 2 * time.Millisecond
	open := func(*Config) (kernel, error) { return fakeKernel(generator.collect), nil }
	receivertest.CheckConsumeContract(receivertest.CheckConsumeContractParams{
		T:             t,
		Factory:       stampingFactory(newFactory(newPool(open, now))),
		Signal:        pipeline.SignalMetrics,
		Config:        cfg,
		Generator:     generator,
		GenerateCount: 300,
	})
}

// A generator makes one flow after the other, each told by its server's
// address. Flows wait for the sweep that sees them, so that they come in many
// exports.
type generator struct {
	mu      sync.Mutex
	last    uint32
	waiting []*flow.Delta
	swept   []chan<- struct{}
}

func (*generator) Start() {}
func (*generator) Stop()  {}

func (g *generator) Generate() []receivertest.UniqueIDAttrVal {
	swept := make(chan struct{})
	key := g.add(swept)
	<-swept
	return []receivertest.UniqueIDAttrVal{receivertest.UniqueIDAttrVal(key.Remote.String())}
}

func (g *generator) add(swept chan<- struct{}) flow.Key {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last++
	d := flow.Delta{Key: clientKey(1+g.last%3, g.last)}
	d.Bytes[flow.Transmit] = 1
	g.waiting = append(g.waiting, &d)
	g.swept = append(g.swept, swept)
	return d.Key
}

func (g *generator) collect(_ context.Context, visit func(*flow.Delta)) (flow.Report, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range g.waiting {
		visit(d)
	}
	for _, swept := range g.swept {
		close(swept)
	}
	g.waiting, g.swept = nil, nil
	return flow.Report{}, nil
}

// stampingFactory makes receivers whose data points carry the identity that the
// contract's checker looks for. It expects each piece of data once, where ours
// are cumulative and come again each interval: a point is handed on until it
// was accepted or refused for good.
func stampingFactory(inner receiver.Factory) receiver.Factory {
	return receiver.NewFactory(metadata.Type, inner.CreateDefaultConfig, receiver.WithMetrics(
		func(ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
			set.ID = component.NewID(metadata.Type)
			return inner.CreateMetrics(ctx, set, cfg, &stamper{Metrics: next, answered: map[string]bool{}})
		}, metadata.MetricsStability))
}

type stamper struct {
	consumer.Metrics
	answered map[string]bool
}

func (s *stamper) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	stamps := s.stamp(md)
	if len(stamps) == 0 {
		return nil
	}
	err := s.Metrics.ConsumeMetrics(ctx, md)
	if err == nil || consumererror.IsPermanent(err) {
		for _, stamp := range stamps {
			s.answered[stamp] = true
		}
	}
	return err
}

// stamp leaves the points that were not answered, and returns their identities.
func (s *stamper) stamp(md pmetric.Metrics) (stamps []string) {
	for _, rm := range md.ResourceMetrics().All() {
		points := rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints()
		points.RemoveIf(func(p pmetric.NumberDataPoint) bool {
			address, _ := p.Attributes().Get(names.DestinationAddress)
			direction, _ := p.Attributes().Get(names.IODirection)
			stamp := address.Str()
			if s.answered[stamp] || direction.Str() != names.Transmit {
				return true
			}
			if p.IntValue() != 1 {
				stamp += " counted " + strconv.FormatInt(p.IntValue(), 10)
			}
			p.Attributes().PutStr(receivertest.UniqueIDAttrName, stamp)
			stamps = append(stamps, stamp)
			return false
		})
	}
	return stamps
}
