// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"slices"
	"time"
)

// heap is the smallest heap of some moments: between two intervals nothing but
// the receiver's own state is left.
func (s *sink) heap() (uint64, error) {
	var sizes []uint64
	for range 4 {
		if _, err := s.await(1); err != nil {
			return 0, err
		}
		time.Sleep(collectionInterval / 2)
		sizes = append(sizes, heap())
	}
	return slices.Min(sizes), nil
}

// intervals are what went into a sink in each of some intervals.
type intervals []total

func (s *sink) intervals(n int) (all intervals, err error) {
	for len(s.begins) > 0 { // of earlier ones
		<-s.begins
	}
	last, err := s.await(1)
	for ; err == nil && n > 0; n-- {
		var now total
		now, err = s.await(1)
		all = append(all, now.since(last))
		last = now
	}
	return all, err
}

func (t total) since(before total) total {
	return total{
		usage:   usage{t.cpu - before.cpu, t.objects - before.objects},
		collect: t.collect - before.collect,
		marshal: t.marshal - before.marshal,
		flows:   t.flows - before.flows,
		points:  t.points - before.points,
		bytes:   t.bytes - before.bytes,
		buckets: t.buckets - before.buckets,
	}
}

func (all intervals) median(figure func(total) float64) float64 {
	var values []float64
	for _, one := range all {
		values = append(values, figure(one))
	}
	return median(values)
}
