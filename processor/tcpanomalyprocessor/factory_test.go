// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"
)

func TestMetricsPassUnchanged(t *testing.T) {
	next := new(consumertest.MetricsSink)
	factory := NewFactory()
	p, err := factory.CreateMetrics(t.Context(), processortest.NewNopSettings(factory.Type()),
		factory.CreateDefaultConfig(), next)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.False(t, p.Capabilities().MutatesData)

	sent := generateLifecycleTestMetrics()
	sent.MarkReadOnly()
	require.NoError(t, p.ConsumeMetrics(t.Context(), sent))
	require.NoError(t, p.Shutdown(t.Context()))

	require.Len(t, next.AllMetrics(), 1)
	require.Equal(t, sent, next.AllMetrics()[0])
}

func TestLogsPassUnchanged(t *testing.T) {
	next := new(consumertest.LogsSink)
	factory := NewFactory()
	p, err := factory.CreateLogs(t.Context(), processortest.NewNopSettings(factory.Type()),
		factory.CreateDefaultConfig(), next)
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.False(t, p.Capabilities().MutatesData)

	sent := generateLifecycleTestLogs()
	sent.MarkReadOnly()
	require.NoError(t, p.ConsumeLogs(t.Context(), sent))
	require.NoError(t, p.Shutdown(t.Context()))

	require.Len(t, next.AllLogs(), 1)
	require.Equal(t, sent, next.AllLogs()[0])
}

func TestUnknownKeyIsAnError(t *testing.T) {
	given := confmap.NewFromStringMap(map[string]any{"sensitivity": "high"})
	require.ErrorContains(t, given.Unmarshal(NewFactory().CreateDefaultConfig()), "sensitivity")
}
