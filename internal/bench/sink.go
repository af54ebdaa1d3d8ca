// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"errors"
	"runtime"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A total is all that went into a sink until some moment.
type total struct {
	usage
	collect time.Duration // CPU time from the end of an export to the next one
	marshal time.Duration // CPU time of the encoding
	flows   int
	points  int
	bytes   int
	buckets int // of exponential histograms of round trips
}

// A sink encodes what the receiver sends, as an exporter does.
type sink struct {
	encoder pmetric.ProtoMarshaler
	total   total
	free    usage // at the end of the last piece
	// begins gets the total at the beginning of each interval's export: from
	// one to the next is one interval with everything that belongs to it.
	begins chan total
}

// consume takes one piece of an interval.
func (s *sink) consume(_ context.Context, md pmetric.Metrics) (err error) {
	if find(md, names.FlowCoverage.Name, func(pmetric.Metric) {}) {
		if s.total.usage, err = readUsage(); err != nil {
			return err
		}
		s.total.collect += s.total.cpu - s.free.cpu
		s.begins <- s.total
	}
	s.total.points += md.DataPointCount()
	find(md, names.FlowConnectionOpened.Name, func(m pmetric.Metric) { s.total.flows += m.Sum().DataPoints().Len() })
	find(md, names.FlowRTT.Name, s.countBuckets)
	if err := s.encode(md); err != nil {
		return err
	}
	s.free, err = readUsage()
	return err
}

func (s *sink) countBuckets(m pmetric.Metric) {
	if m.Type() != pmetric.MetricTypeExponentialHistogram {
		return
	}
	for _, p := range m.ExponentialHistogram().DataPoints().All() {
		s.total.buckets += p.Positive().BucketCounts().Len()
	}
}

func (s *sink) encode(md pmetric.Metrics) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin, err := threadTime()
	if err != nil {
		return err
	}
	encoded, errEncode := s.encoder.MarshalMetrics(md)
	end, err := threadTime()
	s.total.marshal += end - begin
	s.total.bytes += len(encoded)
	return errors.Join(errEncode, err)
}

// find calls visit with each metric of a name, and says whether there is one.
func find(md pmetric.Metrics, name string, visit func(pmetric.Metric)) (found bool) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Name() == name {
					found = true
					visit(m)
				}
			}
		}
	}
	return found
}

// errNothing says that the receiver does not export.
var errNothing = errors.New("await interval: the receiver exported nothing for 30 s")

// await returns the beginning of the n-th interval from now.
func (s *sink) await(n int) (t total, err error) {
	for range n {
		select {
		case t = <-s.begins:
		case <-time.After(30 * time.Second):
			return t, errNothing
		}
	}
	return t, nil
}
