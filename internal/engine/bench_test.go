// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// BenchmarkTick is all that detection costs where nothing is wrong, by data point.
func BenchmarkTick(b *testing.B) {
	w := newTown(b, 10*time.Second, 1)
	w.pairs, w.links = nil, nil
	for i := range 2500 { // two ends each, of 20 points: 100,000
		c := &couple{client: fmt.Sprintf("client-%d", i%50), server: fmt.Sprintf("server-%d", i/50), n: i}
		c.links[0], c.links[1] = w.talk(pod(c.client, c.n%4, c.n%3), pod(c.server, 1, 3))
	}
	w.run(20)
	b.ReportAllocs()
	points := 0
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		w.now = w.now.Add(w.width)
		at := uint64(w.now.Add(-w.width / 10).UnixNano())
		b.StartTimer()
		began := time.Now()
		for _, l := range w.links {
			for _, field := range busyFields {
				w.Sum(w.now, l.flow, at, field.field, field.value)
			}
			w.Gauge(w.now, l.flow, at, engine.Established, 4)
			w.Exponential(w.now, l.flow, at, engine.RTT, 2, -40, rttCounts)
			w.Exponential(w.now, l.flow, at, engine.Variation, 2, -48, rttCounts)
			points += len(busyFields) + 3
		}
		w.judge()
		spent += time.Since(began)
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(points), "ns/point")
}

var rttCounts = []uint64{3, 9, 20, 12, 5, 1}

// busyFields are what a flow tells of in each interval.
var busyFields = []struct {
	field engine.Field
	value float64
}{
	{engine.Sent, 1e6},
	{engine.Received, 1e5},
	{engine.DataSegments, 1000},
	{engine.Episodes, 0},
	{engine.RetransmitFast, 0},
	{engine.RetransmitProbe, 0},
	{engine.Spurious, 0},
	{engine.OutOfOrder, 0},
	{engine.Opened, 1},
	{engine.ClosedFIN, 1},
	{engine.TimeIdle, 8},
	{engine.TimeNetworkLimited, 2},
	{engine.TimeReceiveWindowLimited, 0},
	{engine.Exchanges, 100},
	{engine.Stalls, 0},
	{engine.Probes, 0},
	{engine.Overflows, 0},
}
