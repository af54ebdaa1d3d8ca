// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A shop is what the receivers of a cluster send: 11 workloads of 30 pods, each of which
// calls 10 pods of the next workload.
type shop struct {
	start    time.Time
	interval int
	// address of a pod, and what the resource of its flows says.
	address func(workload, pod int) string
	local   func(resource pcommon.Map, workload, pod int)
}

const (
	shopWorkloads = 11
	shopPods      = 30
	shopPeers     = 10
	shopFlows     = shopWorkloads * shopPods * shopPeers
)

// newShop is one that the static file knows.
func newShop() *shop {
	return &shop{start: time.Now().Add(time.Second), address: shopAddress, local: func(resource pcommon.Map, workload, pod int) {
		resource.PutStr(names.HostName, fmt.Sprint("n", pod))
		resource.PutStr(names.ContainerID, shopContainer(workload, pod))
	}}
}

// newTown is one whose pods are among the many that a [lister] has.
func newTown() *shop {
	const apart = manyPods / (shopWorkloads * shopPods)
	number := func(workload, pod int) int { return apart * (workload*shopPods + pod) }
	return &shop{
		start:   time.Now().Add(time.Second),
		address: func(workload, pod int) string { return addressNumber(number(workload, pod)).String() },
		local: func(resource pcommon.Map, workload, pod int) {
			p := podNumber(number(workload, pod))
			resource.PutStr(names.HostName, p.Spec.NodeName)
			resource.PutStr(names.ContainerID, containerNumber(number(workload, pod)))
			resource.PutStr(names.K8sPodUID, string(p.UID))
		},
	}
}

func shopContainer(workload, pod int) string { return containerNumber(workload*shopPods + pod) }

func shopAddress(workload, pod int) string { return fmt.Sprintf("10.0.%d.%d", workload, pod) }

// shopIdentities is a static file of all pods.
func shopIdentities() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "workloads:")
	for w := range shopWorkloads {
		for p := range shopPods {
			fmt.Fprintf(&b, "  - {namespace: shop, workload: w%d, kind: Deployment, pod: w%d-%d, node: n%d, zone: z%d, addresses: [%s], container_ids: [%q]}\n",
				w, w, p, p, p%3, shopAddress(w, p), shopContainer(w, p))
		}
	}
	return b.Bytes()
}

// next returns the next interval.
func (s *shop) next() pmetric.Metrics {
	s.interval++
	md := pmetric.NewMetrics()
	for w := range shopWorkloads {
		for p := range shopPods {
			s.pod(md.ResourceMetrics().AppendEmpty(), w, p)
		}
	}
	return md
}

// pod writes the default metrics of a client's flows without loss.
func (s *shop) pod(rm pmetric.ResourceMetrics, workload, pod int) {
	resource := rm.Resource().Attributes()
	s.local(resource, workload, pod)
	resource.PutStr(names.ProcessExecutableName, "server")
	resource.PutInt(names.ProcessPID, int64(1000+pod))
	resource.PutStr(names.ServiceInstanceID, fmt.Sprint("instance-", workload, "-", pod))
	ms := rm.ScopeMetrics().AppendEmpty().Metrics()
	for _, metric := range names.Metrics() {
		if metric.Enabled && !metric.PerHost {
			m := ms.AppendEmpty()
			m.SetName(metric.Name)
			s.metric(m, metric, workload, pod)
		}
	}
}

func (s *shop) metric(m pmetric.Metric, metric names.Metric, workload, pod int) {
	splits := []string{""}
	if len(metric.Attributes) > 0 && metric.Attributes[0] == names.IODirection {
		splits = []string{names.Transmit, names.Receive}
	}
	point := func(p shopPoint, peer int, split string) {
		a := p.Attributes()
		a.EnsureCapacity(8)
		a.PutStr(names.SourceAddress, s.address(workload, pod))
		a.PutStr(names.DestinationAddress, s.address((workload+1)%shopWorkloads, (pod+peer)%shopPods))
		a.PutInt(names.DestinationPort, 8080)
		a.PutStr(names.NetworkType, names.IPv4)
		a.PutStr(names.NetworkTransport, names.TCP)
		a.PutStr(names.HandshakeRole, names.Client)
		if split != "" {
			a.PutStr(names.IODirection, split)
		}
		p.SetStartTimestamp(pcommon.NewTimestampFromTime(s.start))
		p.SetTimestamp(pcommon.NewTimestampFromTime(s.start.Add(time.Duration(s.interval) * 10 * time.Second)))
	}
	for peer := range shopPeers {
		for _, split := range splits {
			point(s.value(m, metric), peer, split)
		}
	}
}

// A shopPoint is any data point.
type shopPoint interface {
	Attributes() pcommon.Map
	SetStartTimestamp(pcommon.Timestamp)
	SetTimestamp(pcommon.Timestamp)
}

// value appends a data point to a metric.
func (s *shop) value(m pmetric.Metric, metric names.Metric) shopPoint {
	n := int64(s.interval)
	switch metric.Kind {
	case names.Gauge:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyGauge()
		}
		p := m.Gauge().DataPoints().AppendEmpty()
		p.SetIntValue(n)
		return p
	case names.Sum:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptySum().SetIsMonotonic(true)
			m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		}
		p := m.Sum().DataPoints().AppendEmpty()
		p.SetIntValue(n * 1000)
		return p
	default:
		if m.Type() == pmetric.MetricTypeEmpty {
			m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		}
		p := m.ExponentialHistogram().DataPoints().AppendEmpty()
		counts := make([]uint64, 16)
		for i := range counts {
			counts[i] = uint64(n) * uint64(1+i)
		}
		p.SetScale(2)
		p.Positive().SetOffset(-40)
		p.Positive().BucketCounts().FromRaw(counts)
		p.SetCount(uint64(n) * 136)
		p.SetSum(float64(n))
		return p
	}
}

// locals returns an interval of flows that go nowhere, one for each of many processes: one
// data point a resource, of which the local end is all there is.
func locals(s *shop) pmetric.Metrics {
	const processes = 20_000
	s.interval++
	md := pmetric.NewMetrics()
	for i := range processes {
		workload, pod := i/shopPods%shopWorkloads, i%shopPods
		rm := md.ResourceMetrics().AppendEmpty()
		s.local(rm.Resource().Attributes(), workload, pod)
		rm.Resource().Attributes().PutInt(names.ProcessPID, int64(i))
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName(names.FlowConnectionOpened.Name)
		p := s.value(m, names.FlowConnectionOpened)
		p.Attributes().PutStr(names.SourceAddress, s.address(workload, pod))
		p.SetStartTimestamp(pcommon.NewTimestampFromTime(s.start))
		p.SetTimestamp(pcommon.NewTimestampFromTime(s.start.Add(time.Duration(s.interval) * 10 * time.Second)))
	}
	return md
}
