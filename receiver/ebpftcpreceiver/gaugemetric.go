// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// gauged writes what adds up over connections: without any it is 0.
func gauged(value func(*flow.Gauges) uint64) func(*writer, pmetric.NumberDataPointSlice, series) {
	return func(w *writer, points pmetric.NumberDataPointSlice, s series) {
		w.gauge(points, s, split{}, value(&s.Now))
	}
}

func (w *writer) awaiting(points pmetric.NumberDataPointSlice, s series) {
	if s.Key.Role == flow.RoleClient {
		w.gauge(points, s, split{}, uint64(s.Now.Awaiting))
	}
}

// The others are the smallest of open connections: without any there is none.

func (w *writer) rttMin(points pmetric.NumberDataPointSlice, s series) {
	if s.Now.RTTMin > 0 {
		w.gaugeFraction(points, s, split{}, float64(s.Now.RTTMin-1)/1e6)
	}
}

func (w *writer) congestionWindow(points pmetric.NumberDataPointSlice, s series) {
	if s.Now.CongestionWindow > 0 {
		w.gauge(points, s, split{}, uint64(s.Now.CongestionWindow))
	}
}

func (w *writer) windowScale(points pmetric.NumberDataPointSlice, s series) {
	for direction, scale := range s.Now.WindowScale {
		if scale > 0 {
			w.gauge(points, s, split{key: names.IODirection, value: directions[direction]}, uint64(scale-1))
		}
	}
}

type perLock = [2]uint32

var lockTruths = [...]truth{flow.Tuned: unset, flow.Locked: set}

func locked(values func(*flow.Gauges) perLock) func(*writer, pmetric.NumberDataPointSlice, series) {
	return func(w *writer, points pmetric.NumberDataPointSlice, s series) {
		for lock, size := range values(&s.Now) {
			if size > 0 {
				w.gauge(points, s, split{key: names.BufferLocked, truth: lockTruths[lock]}, uint64(size))
			}
		}
	}
}
