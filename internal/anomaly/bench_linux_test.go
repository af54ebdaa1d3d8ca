// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package anomaly

import (
	"fmt"
	"runtime/metrics"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// BenchmarkReduce adds up and exports intervals of 3,300 flows with 30 data points each,
// of which the first is not counted. What it reports is CPU time, for the machine may
// have others to work for.
func BenchmarkReduce(b *testing.B) {
	for _, level := range []Aggregate{AggregatePod, AggregateWorkload} {
		b.Run(string(level), func(b *testing.B) {
			cfg := CreateDefaultConfig().(*Config)
			cfg.Aggregate = level
			r := newReducer(cfg, market(), "gateway", instant(0))
			m := meter{}
			for at := 10.0; at < float64(20+10*b.N); at += 10 {
				md := cluster(at)
				m.points = md.DataPointCount()
				m.add.run(func() { r.add(md.ResourceMetrics(), instant(at)) })
				m.write.run(func() {
					for _, d := range r.write("", instant(at)) {
						r.accepted(d)
					}
				})
				if at == 10 {
					m = meter{}
				}
			}
			_, outputs := r.table.Len()
			m.report(b, outputs)
		})
	}
}

// A meter measures both halves of an interval.
type meter struct {
	points     int
	add, write usage
}

func (m *meter) report(b *testing.B, outputs int) {
	points := float64(b.N * m.points)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(outputs), "series")
	b.ReportMetric(m.add.ns/points, "add-ns/point")
	b.ReportMetric(m.add.objects/points, "add-allocs/point")
	b.ReportMetric(m.write.ns/points, "write-ns/point")
	b.ReportMetric(m.write.objects/points, "write-allocs/point")
}

// A usage is CPU time and allocated objects.
type usage struct{ ns, objects float64 }

func (u *usage) run(f func()) {
	cpu, objects := cpuTime(), allocated()
	f()
	u.ns += cpuTime() - cpu
	u.objects += allocated() - objects
}

func cpuTime() float64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return float64(r.Utime.Nano() + r.Stime.Nano())
}

func allocated() float64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64())
}

// cluster makes an interval of 330 processes of 60 programs, with 10 peers each.
func cluster(at float64) pmetric.Metrics {
	md := pmetric.NewMetrics()
	for process := range 330 {
		rm := md.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr(names.ProcessExecutableName, fmt.Sprint("program", process%60))
		rm.Resource().Attributes().PutStr(names.HostName, fmt.Sprint("host", process%10))
		rm.Resource().Attributes().PutInt(names.ProcessPID, int64(process))
		ms := rm.ScopeMetrics().AppendEmpty().Metrics()
		head := func(p written, peer int) {
			p.Attributes().PutStr(names.SourceAddress, fmt.Sprint("10.0.9.", process%200))
			p.Attributes().PutStr(names.DestinationAddress, []string{"10.0.1.1", "10.0.2.1", "8.8.8.8"}[peer%3])
			p.Attributes().PutInt(names.DestinationPort, int64(80+peer/3))
			p.Attributes().PutStr(names.NetworkType, names.IPv4)
			p.Attributes().PutStr(names.NetworkTransport, names.TCP)
			p.Attributes().PutStr(names.HandshakeRole, names.Client)
			p.SetStartTimestamp(second(5))
			p.SetTimestamp(second(at))
		}
		for i := range 26 {
			metric := names.Metrics()[i%len(names.Metrics())]
			m := ms.AppendEmpty()
			m.SetName(metric.Name)
			for peer := range 10 {
				switch metric.Kind {
				case names.Sum:
					if peer == 0 {
						m.SetEmptySum().SetIsMonotonic(true)
						m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
					}
					for _, direction := range []string{names.Transmit, names.Receive} {
						p := m.Sum().DataPoints().AppendEmpty()
						head(p, peer)
						if i < 3 {
							p.Attributes().PutStr(names.IODirection, direction)
						}
						p.SetIntValue(int64(at))
						if i >= 3 {
							break
						}
					}
				case names.Gauge:
					if peer == 0 {
						m.SetEmptyGauge()
					}
					p := m.Gauge().DataPoints().AppendEmpty()
					head(p, peer)
					p.SetIntValue(7)
				default:
					if peer == 0 {
						m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
					}
					p := m.ExponentialHistogram().DataPoints().AppendEmpty()
					head(p, peer)
					counts := make([]uint64, 20)
					for i := range counts {
						counts[i] = uint64(at)
					}
					p.SetScale(2)
					p.Positive().SetOffset(-40)
					p.Positive().BucketCounts().FromRaw(counts)
					p.SetCount(20 * uint64(at))
					p.SetSum(at)
				}
			}
		}
	}
	return md
}
