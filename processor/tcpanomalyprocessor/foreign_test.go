// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// What is not ours passes byte for byte, alone and beside what is ours, whatever is done to
// that.
func TestForeignMetricsPassUntouched(t *testing.T) {
	identities := map[string]map[string]any{
		"nobody is asked": nil, "nobody is known": {},
		"a file": {"static": map[string]any{"file": "testdata/identities.yaml"}},
	}
	for who, identity := range identities {
		for _, level := range []string{"none", "pod", "workload"} {
			for _, histogram := range []string{"explicit", "exponential"} {
				t.Run(fmt.Sprint(who, " ", level, " ", histogram), func(t *testing.T) {
					cfg := map[string]any{"aggregate": level, "output_histogram": histogram, "interval": "24h", "max_stale": "24h"}
					if identity != nil {
						cfg["identity"] = identity
					}
					requireUntouched(t, cfg)
				})
			}
		}
	}
}

func requireUntouched(t *testing.T, cfg map[string]any) {
	t.Helper()
	sent := mix(true)
	all, theirs := marshal(t, sent.Metrics), marshal(t, mix(false).Metrics)
	mutates, got := passed(t, cfg, sent.Metrics)
	require.Equal(t, cfg["identity"] != nil || cfg["aggregate"] != "none", mutates)
	require.NotEmpty(t, got)
	if !mutates {
		require.Len(t, got, 1)
		require.True(t, bytes.Equal(all, marshal(t, got[0])))
		return
	}
	rest, ours := pmetric.NewMetrics(), int64(0)
	for i, md := range got {
		for _, rm := range md.ResourceMetrics().All() {
			if sum, only := ourSum(rm); only {
				ours += sum
				continue
			}
			require.Zero(t, i, "what is not ours waits for no interval")
			rm.CopyTo(rest.ResourceMetrics().AppendEmpty())
		}
	}
	require.True(t, bytes.Equal(theirs, marshal(t, rest)))
	require.Equal(t, sent.sum, ours, "what is ours is there, too")
}

// passed returns what a processor says of its data, and what has left until it ended.
func passed(t *testing.T, cfg map[string]any, md pmetric.Metrics) (mutates bool, got []pmetric.Metrics) {
	t.Helper()
	next := new(consumertest.MetricsSink)
	factory := NewFactory()
	loaded := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(cfg).Unmarshal(loaded))
	require.NoError(t, confmap.Validate(loaded))
	p, err := factory.CreateMetrics(t.Context(), processortest.NewNopSettings(factory.Type()), loaded, next)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	if mutates = p.Capabilities().MutatesData; !mutates {
		md.MarkReadOnly() // as a collector does that gives it to others, too
	}
	require.NoError(t, p.ConsumeMetrics(t.Context(), md))
	require.NoError(t, p.Shutdown(t.Context()))
	return mutates, next.AllMetrics()
}

func marshal(t *testing.T, md pmetric.Metrics) []byte {
	t.Helper()
	marshalled, err := new(pmetric.ProtoMarshaler).MarshalMetrics(md)
	require.NoError(t, err)
	return marshalled
}

// ourSum reports whether a resource has nothing but flows, and how many bytes these have.
func ourSum(rm pmetric.ResourceMetrics) (sum int64, only bool) {
	for _, sm := range rm.ScopeMetrics().All() {
		for _, m := range sm.Metrics().All() {
			if m.Name() != names.FlowIO.Name || m.Type() != pmetric.MetricTypeSum || !m.Sum().IsMonotonic() ||
				m.Sum().AggregationTemporality() == pmetric.AggregationTemporalityUnspecified {
				return 0, false
			}
			for _, p := range m.Sum().DataPoints().All() {
				sum += p.IntValue()
			}
			only = true
		}
	}
	return sum, only
}
