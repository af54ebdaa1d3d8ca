// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// A reducer adds the series of flows up to those of pods or workloads. It is not safe
// for concurrent use.
type reducer struct {
	directory   identity.Directory
	instance    string // service.instance.id of what leaves
	exponential bool
	table       *reduce.Table
	metrics     map[string]*metric
	selections  []selection
	resource    resourceSelection

	watch *watcher // nil: nobody wants to know
	scope string   // of what leaves
	mute  bool     // nothing leaves: points are added up for the watcher alone

	hash       *hasher
	localities map[reduce.Key]*locality
	flows      map[reduce.Key]*flow
	places     map[reduce.Key]*place
	groups     map[reduce.Key]*group

	now   reduce.Instant // when the points came
	wrote uint64         // when outputs were written last, by the clock
	point reduce.Point
	value reduce.Value
}

func newReducer(cfg *Config, directory identity.Directory, instance string, now reduce.Instant) *reducer {
	r := &reducer{
		directory: directory, instance: instance, exponential: cfg.OutputHistogram == HistogramExponential,
		table: reduce.NewTable(reduce.Limits{
			Inputs: cfg.MaxInputSeries, Outputs: cfg.MaxSeries, Stale: uint64(cfg.MaxStale), Gap: uint64(cfg.MaxGap),
		}, now, cfg.Temporality == TemporalityDelta),
		resource: resourceSelection{
			level: cfg.level(), include: cfg.ResourceAttributes.Include, exclude: cfg.ResourceAttributes.Exclude,
		},
		hash:       newHasher(),
		localities: make(map[reduce.Key]*locality),
		flows:      make(map[reduce.Key]*flow),
		places:     make(map[reduce.Key]*place),
		groups:     make(map[reduce.Key]*group),
	}
	r.metrics, r.selections = newMetrics(cfg)
	return r
}

// newObserver returns a reducer of which nothing leaves: it tells the watcher what points
// have grown by.
func newObserver(cfg *Config, directory identity.Directory, now reduce.Instant) *reducer {
	plain := *cfg
	plain.Aggregate, plain.Temporality = AggregateNone, TemporalityCumulative
	r := newReducer(&plain, directory, "", now)
	r.mute = true
	return r
}

// add adds all points of resources that have nothing but our metrics, received at a
// time.
func (r *reducer) add(resources pmetric.ResourceMetricsSlice, now reduce.Instant) {
	r.now = now
	r.table.Advance(now)
	defer r.hash.forget()
	for _, rm := range resources.All() {
		var l *locality
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if l == nil {
					l = r.locality(rm.Resource().Attributes(), m)
				}
				r.addMetric(l, r.metrics[m.Name()], m)
			}
		}
		if l != nil {
			r.dropUnused(l)
		}
	}
}

// dropUnused forgets a resource none of whose points made a flow: they were invalid, at
// their end, or refused.
func (r *reducer) dropUnused(l *locality) {
	if l.flows == 0 {
		delete(r.localities, l.key)
	}
}

// locality returns the resource, as it is at the time of a metric's first point.
func (r *reducer) locality(resource pcommon.Map, m pmetric.Metric) *locality {
	at := firstTime(m)
	key := r.hash.all(resource)
	l := r.localities[key]
	if l == nil {
		l = newLocality(r.directory, key, resource, at)
		if aProcess(resource) {
			l.nameless = r.hash.nameless(resource)
		}
		r.localities[key] = l
		return l
	}
	l.refresh(r.directory, at)
	return l
}

func (r *reducer) addMetric(l *locality, metric *metric, m pmetric.Metric) {
	p := &r.point
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		p.Shape, p.Delta = reduce.ShapeGauge, false
		for _, from := range m.Gauge().DataPoints().All() {
			readNumber(p, from)
			r.addPoint(l, metric, from.Attributes())
		}
	case pmetric.MetricTypeSum:
		p.Shape, p.Delta = reduce.ShapeSum, isDelta(m.Sum().AggregationTemporality())
		for _, from := range m.Sum().DataPoints().All() {
			readNumber(p, from)
			r.addPoint(l, metric, from.Attributes())
		}
	case pmetric.MetricTypeHistogram:
		p.Shape, p.Delta = reduce.ShapeExplicit, isDelta(m.Histogram().AggregationTemporality())
		for _, from := range m.Histogram().DataPoints().All() {
			readExplicit(p, from)
			r.addPoint(l, metric, from.Attributes())
		}
	case pmetric.MetricTypeExponentialHistogram:
		p.Shape, p.Delta = reduce.ShapeExponential, isDelta(m.ExponentialHistogram().AggregationTemporality())
		for _, from := range m.ExponentialHistogram().DataPoints().All() {
			if !readExponential(p, from) {
				r.table.Stats.Invalid++
				continue
			}
			r.addPoint(l, metric, from.Attributes())
		}
	}
}

func isDelta(t pmetric.AggregationTemporality) bool {
	return t == pmetric.AggregationTemporalityDelta
}

// addPoint adds the point that was read.
func (r *reducer) addPoint(l *locality, metric *metric, attributes pcommon.Map) {
	p := &r.point
	if !p.Ended && !p.Valid() {
		r.table.Stats.Invalid++
		return
	}
	own, called, rest, told := r.hash.point(attributes)
	flowKey := r.hash.join(l.nameless, own)
	if !told || l.nameless == (reduce.Key{}) {
		flowKey = r.hash.join(l.key, plus(own, called))
	}
	key := r.hash.mix(r.hash.join(flowKey, rest), metric.kind(p))
	if p.Shape != reduce.ShapeGauge && !p.Delta {
		key = r.hash.mix(key, p.Start)
	}
	in := r.table.Input(key)
	if in == nil {
		if in = r.newInput(key, flowKey, called, l, attributes); in == nil {
			return
		}
		in.Tag = uint32(fieldOf(metric.Name, attributes))
	}
	f := in.Flow().Label.(*flow)
	f.Received = r.now.Pace
	if r.table.Overtaken(&f.Flow, p.Time) {
		r.addLate(f, l, in, metric, called, attributes)
		return
	}
	if f.locality != l || f.called != called {
		r.rename(f, l, called, attributes)
	}
	if p.Time != f.resolved || f.generation != l.generation {
		if f.resolve(r.directory, p.Time) {
			r.leave(f)
			f.watched = nil
		}
	}
	r.addHere(f, in, metric, attributes)
}

// addHere adds the point to where its flow is.
func (r *reducer) addHere(f *flow, in *reduce.Input, metric *metric, attributes pcommon.Map) {
	if !in.Current() {
		r.table.Bind(in, r.output(f, metric, attributes))
	}
	r.tellWatcher(f, in, metric, r.table.Add(in, &r.point))
}

func (r *reducer) tellWatcher(f *flow, in *reduce.Input, metric *metric, growth *reduce.Growth) {
	if r.watch != nil && !metric.PerHost {
		r.watch.watch(f, in, &r.point, growth)
	}
}

// kind tells a metric's series of different types apart.
func (m *metric) kind(p *reduce.Point) uint64 {
	kind := uint64(m.index)<<4 | uint64(p.Shape)<<1
	if p.Delta {
		kind |= 1
	}
	return kind
}

func (r *reducer) newInput(key, flowKey, called reduce.Key, l *locality, attributes pcommon.Map) *reduce.Input {
	if r.point.Ended || !r.table.Room() { // what ended before it was known tells nothing
		return nil
	}
	f := r.flows[flowKey]
	if f == nil {
		f = newFlow(flowKey, l, attributes, len(r.selections))
		f.called = called
		r.flows[flowKey] = f
	}
	return r.table.NewInput(key, &f.Flow, &r.point)
}

// rename takes note of that a flow, or its resource, says something else of who is there than before:
// its sums go on, elsewhere from now on.
func (r *reducer) rename(f *flow, l *locality, called reduce.Key, attributes pcommon.Map) {
	if f.locality != l {
		f.locality.flows--
		l.flows++
		r.dropUnused(f.locality)
		f.locality = l
	}
	f.called, f.resolved = called, 0
	f.describe(attributes)
}

// forget forgets a flow that has no series any more.
func (r *reducer) forget(which *reduce.Flow) {
	f := which.Label.(*flow)
	r.leave(f)
	delete(r.flows, f.key)
	f.locality.flows--
	r.dropUnused(f.locality)
}

// output returns the series that a point of a flow is added to.
func (r *reducer) output(f *flow, metric *metric, attributes pcommon.Map) *reduce.Output {
	if r.mute {
		return r.sink()
	}
	p := r.place(f, metric.selection)
	keeps := func(name string) bool { return r.selections[metric.selection].keeps(name, f.role) }
	if o := r.outputAt(p, metric, attributes, keeps, func() bool { return !r.table.Full() }); o != nil {
		return o
	}
	p = r.overflow(f)
	keepsSplit := func(name string) bool { return metric.splits(name) && keeps(name) }
	if o := r.outputAt(p, metric, attributes, keepsSplit, r.table.Split); o != nil {
		return o
	}
	return r.outputAt(p, metric, attributes, func(string) bool { return false }, func() bool { return true })
}

// outputAt returns the series of a place, and nil if there is no room for a new one.
func (r *reducer) outputAt(p *place, metric *metric, attributes pcommon.Map, keeps func(string) bool, room func() bool) *reduce.Output {
	split := pcommon.NewMap()
	for name, value := range attributes.All() {
		if !ofFlow(name) && keeps(name) {
			value.CopyTo(split.PutEmpty(name))
		}
	}
	shape := r.shape(r.point.Shape)
	key := r.hash.mix(r.hash.join(p.key, r.hash.all(split)), uint64(metric.index)<<4|uint64(shape))
	if o := r.table.Output(key); o != nil {
		return o
	}
	if !room() {
		return nil
	}
	o := r.table.NewOutput(key, reduce.Design{
		Shape: shape, Merge: metric.merge, Bounds: metric.bounds, Overflow: p.overflow,
		Label: &series{place: p, metric: metric, split: split},
	})
	p.group.series++
	p.group.outputs[metric.index] = append(p.group.outputs[metric.index], o)
	return o
}

// shape is that of the outputs of an input. An explicit histogram stays one: nobody knows
// finer bounds.
func (r *reducer) shape(of reduce.Shape) reduce.Shape {
	if of == reduce.ShapeExponential && !r.exponential {
		return reduce.ShapeExplicit
	}
	return of
}

// firstTime returns the time of a metric's first point, 0 if it has none.
func firstTime(m pmetric.Metric) (at uint64) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		return timeOf(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		return timeOf(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		return timeOf(m.Histogram().DataPoints())
	default:
		return timeOf(m.ExponentialHistogram().DataPoints())
	}
}

func timeOf[P dataPoint](points slice[P]) uint64 {
	if points.Len() == 0 {
		return 0
	}
	return uint64(points.At(0).Timestamp())
}
