// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/identity/directory"
	"github.com/tcpwhy/tcpwhy/processor/tcpanomalyprocessor/internal/metadata"
)

// A metricsProcessor names the ends of flows, and adds flows up if it is told to.
type metricsProcessor struct {
	cfg   *Config
	next  consumer.Metrics
	set   processor.Settings
	clock clock
	open  func(context.Context) (openDirectory, error)

	// Set by start.
	directory *countingDirectory
	telemetry *metadata.TelemetryBuilder
	mu        sync.Mutex
	reducer   *reducer // nil: points are handed on as they come
	observed  *reducer // what the engine is told by; nil: nothing
	desk      *desk    // nil: nobody looks for faults
	memory    *memory  // nil: problems end with the process
	leads     bool     // of the pipelines at the desk, it is the one that tells of it

	sending sync.Mutex // one export at a time
	fails   bool       // the last one did
	stop    context.CancelFunc
	stopped chan struct{}

	tidied   uint64             // when a muted reducer last forgot, ns since 1970
	blind    context.CancelFunc // ends detection
	detected chan struct{}
}

// A clock is the time, which tests set.
type clock struct {
	now  func() time.Time
	tick func(time.Duration) (<-chan time.Time, func())
}

func systemClock() clock {
	return clock{now: time.Now, tick: func(d time.Duration) (<-chan time.Time, func()) {
		t := time.NewTicker(d)
		return t.C, t.Stop
	}}
}

func newMetricsProcessor(set processor.Settings, cfg *Config, next consumer.Metrics) *metricsProcessor {
	return &metricsProcessor{
		cfg: cfg, next: next, set: set, clock: systemClock(),
		open: func(ctx context.Context) (openDirectory, error) {
			configured := cfg.Identity
			if configured == nil {
				configured = &directory.Config{}
			}
			return directory.Open(ctx, configured, directory.Settings{Logger: set.Logger})
		},
	}
}

// component makes it one.
func (p *metricsProcessor) component(ctx context.Context) (processor.Metrics, error) {
	return processorhelper.NewMetrics(ctx, p.set, p.cfg, p.next, p.process,
		processorhelper.WithStart(p.start), processorhelper.WithShutdown(p.shutdown),
		processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: p.mutates()}))
}

// mutates reports whether data is changed. Without names and levels it is not, so that a
// bare host sees what its receiver tells.
func (p *metricsProcessor) mutates() bool {
	return p.cfg.Identity != nil || p.cfg.level() != AggregateNone
}

// start opens the directory, and begins to export in intervals if points are added up.
func (p *metricsProcessor) start(ctx context.Context, host component.Host) error {
	if !p.mutates() && !p.cfg.Detection.Enabled {
		return nil
	}
	opened, err := p.open(ctx)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	p.directory = &countingDirectory{openDirectory: opened}
	if p.cfg.level() != AggregateNone {
		p.reducer = newReducer(p.cfg, p.directory, uuid.NewString(), p.now())
	}
	if err := p.startDetection(ctx, host); err != nil {
		p.directory = nil
		return errors.Join(err, opened.Close())
	}
	if err := p.observe(p.set.TelemetrySettings); err != nil {
		return err
	}
	if p.reducer != nil {
		loop, cancel := context.WithCancel(context.WithoutCancel(ctx))
		p.stop, p.stopped = cancel, make(chan struct{})
		go p.run(loop)
	}
	return nil
}

func (p *metricsProcessor) now() uint64 { return uint64(p.clock.now().UnixNano()) }

func (p *metricsProcessor) run(ctx context.Context) {
	defer close(p.stopped)
	ticks, stop := p.clock.tick(p.cfg.Interval)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			p.export(ctx)
		}
	}
}

// shutdown exports what has been added up since the last interval.
func (p *metricsProcessor) shutdown(ctx context.Context) error {
	if p.stop != nil {
		p.stop()
		<-p.stopped
		p.stop = nil
		p.export(ctx)
	}
	forgotten := p.stopDetection(ctx)
	if p.telemetry != nil {
		p.telemetry.Shutdown()
	}
	if p.directory == nil {
		return forgotten
	}
	opened := p.directory
	p.directory = nil
	return errors.Join(forgotten, opened.Close())
}

// process returns what is handed on at once: what is not ours, and if nothing is added
// up all the rest.
func (p *metricsProcessor) process(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	p.lookAt(md)
	if !p.mutates() {
		return md, nil
	}
	taken := pmetric.NewMetrics()
	take(md, taken.ResourceMetrics())
	if p.reducer == nil {
		for _, rm := range taken.ResourceMetrics().All() {
			enrich(p.directory, rm)
			if p.cfg.OutputHistogram == HistogramExplicit {
				convert(rm)
			}
		}
		taken.ResourceMetrics().MoveAndAppendTo(md.ResourceMetrics())
		return md, nil
	}
	p.mu.Lock()
	p.locked(func() { p.reducer.add(taken.ResourceMetrics(), p.now()) })
	p.mu.Unlock()
	if md.ResourceMetrics().Len() == 0 {
		return md, processorhelper.ErrSkipProcessingData
	}
	return md, nil
}

// export hands on what has been added up. What is not accepted is in the next export too.
func (p *metricsProcessor) export(ctx context.Context) {
	p.sending.Lock()
	defer p.sending.Unlock()
	p.mu.Lock()
	deliveries := p.reducer.write(p.set.BuildInfo.Version, p.now())
	p.mu.Unlock()
	var failure error
	for _, d := range deliveries {
		if err := p.deliver(ctx, d); err != nil {
			failure = err
		}
	}
	if failure != nil {
		p.telemetry.TCPAnomalyExportFailures.Add(ctx, 1)
	}
	switch {
	case failure != nil && !p.fails:
		p.set.Logger.Warn("export was not accepted; the next one has the same totals and more", zap.Error(failure))
	case failure == nil && p.fails:
		p.set.Logger.Info("export is accepted again")
	}
	p.fails = failure != nil
}

func (p *metricsProcessor) deliver(ctx context.Context, d *delivery) error {
	if d.metrics.ResourceMetrics().Len() > 0 {
		if err := p.next.ConsumeMetrics(ctx, d.metrics); err != nil {
			return err
		}
	}
	p.mu.Lock()
	p.reducer.accepted(d)
	p.mu.Unlock()
	return nil
}
