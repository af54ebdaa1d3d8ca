// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && k8s

package tcpanomalyprocessor

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// A call is a flow of its own, with one data point of one byte, as the receiver of the
// client's node reports it.
type call struct {
	client              *apiserver.Pod // nil: no container
	host                string
	source, destination string
	behind              string // what the destination's address is translated to
	port                int64  // of the client
	at                  time.Time
}

func (c *call) metrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	resource := rm.Resource().Attributes()
	if c.host != "" {
		resource.PutStr(names.HostName, c.host)
	}
	if c.client != nil {
		resource.PutStr(names.ContainerID, c.client.Container())
		resource.PutStr(names.K8sPodUID, c.client.UID)
	}
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(names.FlowIO.Name)
	m.SetEmptySum().SetIsMonotonic(true)
	m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	p := m.Sum().DataPoints().AppendEmpty()
	p.SetIntValue(1)
	p.SetStartTimestamp(pcommon.NewTimestampFromTime(c.at))
	p.SetTimestamp(pcommon.NewTimestampFromTime(c.at))
	p.Attributes().PutStr(names.SourceAddress, c.source)
	p.Attributes().PutInt(names.SourcePort, c.port)
	p.Attributes().PutStr(names.DestinationAddress, c.destination)
	p.Attributes().PutInt(names.DestinationPort, 80)
	p.Attributes().PutStr(names.HandshakeRole, names.Client)
	p.Attributes().PutStr(names.IODirection, names.Transmit)
	if c.behind != "" {
		p.Attributes().PutStr(names.DestinationNATAddress, c.behind)
		p.Attributes().PutInt(names.DestinationNATPort, 8080)
	}
	return md
}

// A teller is a processor, and what it said.
type teller struct {
	mu      sync.Mutex
	metrics processor.Metrics
	behind  consumertest.MetricsSink
	self    *componenttest.Telemetry
}

func newTeller(t *testing.T, settings string) *teller {
	t.Helper()
	factory := NewFactory()
	read, err := confmap.NewRetrievedFromYAML([]byte(settings))
	require.NoError(t, err)
	conf, err := read.AsConf()
	require.NoError(t, err)
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, conf.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	s := &teller{self: componenttest.NewTelemetry()}
	set := processortest.NewNopSettings(factory.Type())
	set.TelemetrySettings = s.self.NewTelemetrySettings()
	s.metrics, err = factory.CreateMetrics(t.Context(), set, cfg, &s.behind)
	require.NoError(t, err)
	require.NoError(t, s.metrics.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		require.NoError(t, s.metrics.Shutdown(context.Background()))
		require.NoError(t, s.self.Shutdown(context.Background()))
	})
	return s
}

// tell returns what is said of a flow at once.
func (s *teller) tell(c *call) (pair [2]end, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind.Reset()
	err = s.metrics.ConsumeMetrics(context.Background(), c.metrics())
	for pair = range pairs(s.behind.AllMetrics()) {
		return pair, err
	}
	return pair, errors.Join(err, errors.New("tell of a flow: nothing was handed on"))
}

// pairs adds up all points by what they say of both ends.
func pairs(all []pmetric.Metrics) map[[2]end]int64 {
	sums := make(map[[2]end]int64)
	for _, md := range all {
		for _, rm := range md.ResourceMetrics().All() {
			for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
				sums[[2]end{said(p.Attributes(), &names.Source), said(p.Attributes(), &names.Destination)}] += p.IntValue()
			}
		}
	}
	return sums
}

// An end is all that points say of one.
type end struct{ kind, namespace, pod, workload, service, node, zone, virtual string }

func said(attributes pcommon.Map, side *names.End) end {
	of := func(key string) string {
		value, _ := attributes.Get(key)
		return value.Str()
	}
	return end{
		of(side.Kind), of(side.K8sNamespaceName), of(side.K8sPodName), of(side.WorkloadName), of(side.ServiceName),
		of(side.K8sNodeName), of(side.Zone), of(side.K8sServiceName),
	}
}
