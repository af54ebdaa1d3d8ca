// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

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
	"go.uber.org/zap"

	"github.com/tcpwhy/tcpwhy/internal/anomaly/internal/metadata"
	"github.com/tcpwhy/tcpwhy/internal/identity/directory"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// A MetricsSide is what metrics go through: it names the ends of flows, adds flows up if it
// is told to, and shows them to the engine.
type MetricsSide struct {
	cfg   *Config
	next  consumer.Metrics // nil: nothing is handed on, flows are looked at only
	set   Settings
	clock Clock
	open  func(context.Context) (openDirectory, error)

	// Set by start.
	directory *countingDirectory
	telemetry *metadata.TelemetryBuilder
	mu        sync.Mutex
	pace      pace
	reducer   *reducer // nil: points are handed on as they come
	observed  *reducer // what the engine is told by; nil: nothing
	desk      *desk    // nil: nobody looks for faults
	memory    *memory  // nil: problems end with the process
	teller    *teller  // of the metrics of what was found
	leads     bool     // of the pipelines at the desk, it is the one that tells of it

	sending sync.Mutex // one export at a time
	fails   bool       // the last one did
	stop    context.CancelFunc
	stopped chan struct{}

	tidied   uint64             // when a muted reducer last forgot, by the pace
	blind    context.CancelFunc // ends detection
	detected chan struct{}
}

// NewMetricsSide returns what hands metrics on to next. Nil is nobody: then flows are looked at,
// and that is all.
func NewMetricsSide(set Settings, cfg *Config, next consumer.Metrics) *MetricsSide {
	return &MetricsSide{
		cfg: cfg, next: next, set: set, clock: set.Clock.orSystem(),
		open: func(ctx context.Context) (openDirectory, error) {
			configured := cfg.Identity
			if configured == nil {
				configured = &directory.Config{}
			}
			return directory.Open(ctx, configured, directory.Settings{Logger: set.Logger})
		},
	}
}

// ConsumeMetrics hands on what is to be handed on at once.
func (p *MetricsSide) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	if md = p.Process(md); p.next == nil || md.ResourceMetrics().Len() == 0 {
		return nil
	}
	return p.next.ConsumeMetrics(ctx, md)
}

// Capabilities tells whether metrics are changed.
func (p *MetricsSide) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: p.Mutates()}
}

// Mutates reports whether data is changed. Without names and levels it is not, so that a
// bare host sees what its receiver tells.
func (p *MetricsSide) Mutates() bool {
	return p.next != nil && (p.cfg.Identity != nil || p.reduces())
}

// reduces reports whether flows are added up.
func (p *MetricsSide) reduces() bool { return p.next != nil && p.cfg.level() != AggregateNone }

// Start opens the directory, and begins to export in intervals if points are added up.
func (p *MetricsSide) Start(ctx context.Context, host component.Host) error {
	if !p.Mutates() && !p.cfg.Detection.Enabled {
		return nil
	}
	opened, err := p.open(ctx)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	p.directory = &countingDirectory{openDirectory: opened}
	p.pace = newPace(p.clock)
	if p.reduces() {
		p.reducer = newReducer(p.cfg, p.directory, uuid.NewString(), p.now())
		p.reducer.scope = p.set.Scope
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
		ticks, stop := p.clock.Tick(p.cfg.Interval)
		go func() {
			defer stop()
			p.run(loop, ticks)
		}()
	}
	return nil
}

// now returns the time. Must be called holding mu, but by Start.
func (p *MetricsSide) now() reduce.Instant {
	now, set := p.pace.instant()
	if set != 0 && p.desk == nil { // which says so, else
		p.set.Logger.Warn("the clock was set; sums go on, and are told by the new one", zap.Duration("by", set))
	}
	return now
}

func (p *MetricsSide) run(ctx context.Context, ticks <-chan time.Time) {
	defer close(p.stopped)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			p.export(ctx)
		}
	}
}

// Shutdown exports what has been added up since the last interval, and that its series end: the next process
// tells others, and a sum of both would be of twice as many connections until a backend forgets.
func (p *MetricsSide) Shutdown(ctx context.Context) error {
	if p.stop != nil {
		p.stop()
		<-p.stopped
		p.stop = nil
		p.export(ctx)
		p.end(ctx)
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

// Process returns what is to be handed on at once: what is not ours, and if nothing is added
// up all the rest. It may be nothing.
func (p *MetricsSide) Process(md pmetric.Metrics) pmetric.Metrics {
	p.lookAt(md)
	if !p.Mutates() {
		return md
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
		return md
	}
	p.mu.Lock()
	p.locked(func() { p.reducer.add(taken.ResourceMetrics(), p.now()) })
	p.mu.Unlock()
	return md
}

// export hands on what has been added up. What is not accepted is in the next export too.
func (p *MetricsSide) export(ctx context.Context) {
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

// end hands on, once, that the series that were handed on have ended.
func (p *MetricsSide) end(ctx context.Context) {
	p.mu.Lock()
	deliveries := p.reducer.end(p.set.BuildInfo.Version, p.now())
	p.mu.Unlock()
	var failure error
	for _, d := range deliveries {
		if d.metrics.ResourceMetrics().Len() > 0 {
			failure = errors.Join(failure, p.next.ConsumeMetrics(ctx, d.metrics))
		}
	}
	if failure != nil {
		p.set.Logger.Warn("ends of series were not accepted; backends have them until they forget", zap.Error(failure))
	}
}

func (p *MetricsSide) deliver(ctx context.Context, d *delivery) error {
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
