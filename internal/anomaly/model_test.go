// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// The model of docs/enrichment.md.
const (
	modelWorkloads = 20
	modelPods      = 10
	modelZones     = 3
	modelCallees   = 4
	modelProcesses = 2
)

// modelDirectory knows pods by their addresses, 10.0.<workload>.<pod>.
func modelDirectory() town {
	pods := make(map[netip.Addr]*identity.Identity)
	for w := range modelWorkloads {
		for p := range modelPods {
			pods[modelAddress(w, p)] = &identity.Identity{
				Kind: identity.KindPod, Pod: fmt.Sprint("w", w, "-", p), Place: &identity.Place{Zone: fmt.Sprint("zone", p%modelZones)},
				Common: &identity.Common{Namespace: "shop", Workload: identity.Workload{Kind: "Deployment", Name: fmt.Sprint("w", w)}},
			}
		}
	}
	return town{
		local:  func(end identity.Local, _ uint64) *identity.Identity { return pods[end.Address] },
		remote: func(address netip.AddrPort, _ uint64) *identity.Identity { return pods[address.Addr()] },
	}
}

func modelAddress(workload, pod int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(workload), byte(pod)})
}

// model makes a point for each flow of the model, from either end.
func model() pmetric.Metrics {
	md := pmetric.NewMetrics()
	for w := range modelWorkloads {
		for pod := range modelPods {
			for process := range modelProcesses {
				points := modelProcess(md, fmt.Sprint("client", process))
				for callee := 1; callee <= modelCallees; callee++ {
					for to := range modelPods {
						modelPoint(points, names.Client, modelAddress(w, pod), modelAddress((w+callee)%modelWorkloads, to))
					}
				}
			}
			points := modelProcess(md, "server")
			for caller := 1; caller <= modelCallees; caller++ {
				for from := range modelPods {
					modelPoint(points, names.Server, modelAddress(w, pod), modelAddress((w+modelWorkloads-caller)%modelWorkloads, from))
				}
			}
		}
	}
	return md
}

func modelProcess(md pmetric.Metrics, name string) pmetric.NumberDataPointSlice {
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(names.ProcessExecutableName, name)
	rm.Resource().Attributes().PutInt(names.ProcessPID, int64(md.ResourceMetrics().Len()))
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(names.FlowExchanges.Name)
	m.SetEmptySum().SetIsMonotonic(true)
	m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	return m.Sum().DataPoints()
}

func modelPoint(points pmetric.NumberDataPointSlice, role string, from, to netip.Addr) {
	p := points.AppendEmpty()
	p.Attributes().PutStr(names.SourceAddress, from.String())
	p.Attributes().PutStr(names.DestinationAddress, to.String())
	p.Attributes().PutStr(names.HandshakeRole, role)
	p.Attributes().PutInt(map[string]string{names.Client: names.DestinationPort, names.Server: names.SourcePort}[role], 80)
	p.SetStartTimestamp(second(5))
	p.SetTimestamp(second(10))
	p.SetIntValue(1)
}

func TestSeriesOfTheModel(t *testing.T) {
	page, err := os.ReadFile("../../docs/enrichment.md")
	require.NoError(t, err)
	md := model()
	assert.Contains(t, string(page), fmt.Sprintf("| `none` | %d |", md.DataPointCount()))
	for _, test := range []struct {
		row              string
		level            Aggregate
		include, exclude []string
	}{
		{"`pod`", AggregatePod, nil, nil},
		{"`workload`", AggregateWorkload, nil, nil},
		{"`workload`, both zones included", AggregateWorkload, []string{names.Source.Zone, names.Destination.Zone}, nil},
		{"`workload`, port and Service excluded", AggregateWorkload, nil, []string{
			names.SourcePort, names.DestinationPort, names.Destination.K8sServiceName,
		}},
	} {
		cfg := CreateDefaultConfig().(*Config)
		cfg.Aggregate, cfg.Attributes.Include, cfg.Attributes.Exclude = test.level, test.include, test.exclude
		r := newReducer(cfg, modelDirectory(), "gateway", instant(0))
		r.add(md.ResourceMetrics(), instant(11))
		total := 0
		for _, d := range r.write("", instant(12)) {
			total += d.metrics.DataPointCount()
		}
		assert.Contains(t, string(page), fmt.Sprintf("| %s | %d |", test.row, total))
	}
}
