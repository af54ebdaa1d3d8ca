// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
)

func load(t *testing.T, settings map[string]any) (*Config, error) {
	t.Helper()
	cfg := CreateDefaultConfig().(*Config)
	if err := confmap.NewFromStringMap(settings).Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

func TestLevelFollowsWhetherNamesAreKnown(t *testing.T) {
	for _, test := range []struct {
		settings map[string]any
		want     Aggregate
		mutates  bool
	}{
		{map[string]any{}, AggregateNone, false},
		{map[string]any{"identity": nil}, AggregateNone, false},
		{map[string]any{"identity": map[string]any{}}, AggregateWorkload, true},
		{map[string]any{"identity": map[string]any{}, "aggregate": "none"}, AggregateNone, true},
		{map[string]any{"aggregate": "pod"}, AggregatePod, true},
	} {
		cfg, err := load(t, test.settings)
		require.NoError(t, err)
		assert.Equal(t, test.want, cfg.level(), test.settings)
		assert.Equal(t, test.mutates, NewMetricsSide(Settings{}, cfg, consumertest.NewNop()).Mutates(), test.settings)
	}
}

func TestConfigErrorsNameKeyAndRule(t *testing.T) {
	for _, test := range []struct {
		settings map[string]any
		want     string
	}{
		{map[string]any{"sensitivity": 1}, "has invalid keys: sensitivity"},
		{map[string]any{"aggregate": "node"}, `aggregate: "node" is none of ["none" "pod" "workload"]`},
		{map[string]any{"temporality": "both"}, `temporality: "both" is none of ["cumulative" "delta"]`},
		{map[string]any{"output_histogram": "linear"}, `output_histogram: "linear" is none of ["explicit" "exponential"]`},
		{map[string]any{"interval": "10ms"}, "interval: 10ms is less than 1s"},
		{map[string]any{"max_stale": "5s"}, "max_stale: 5s is less than 10s"},
		{map[string]any{"max_gap": "-1s"}, "max_gap: -1s is less than 0s"},
		{map[string]any{"max_series": 0}, "max_series: 0 is less than 1"},
		{map[string]any{"max_input_series": -1}, "max_input_series: -1 is less than 1"},
		{map[string]any{"detection": map[string]any{"window": "500ms"}}, "detection::window: 500ms is not from 1s to 1m0s"},
		{map[string]any{"detection": map[string]any{"max_pairs": 0}}, "detection::max_pairs: 0 is less than 1"},
		{
			map[string]any{"detection": map[string]any{"false_alarms_per_day": math.NaN()}},
			"detection::false_alarms_per_day: NaN is not above 0 and at most 1e6",
		},
		{map[string]any{"events": map[string]any{"queue_size": 0}}, "events::queue_size: 0 is less than 1"},
		{map[string]any{"events": map[string]any{"queue_size": 1_000_001}}, "events::queue_size: 1000001 is more than 1000000"},
		{map[string]any{"temporality": "delta"}, `temporality: needs aggregate "pod" or "workload"`},
		{map[string]any{"attributes": map[string]any{"include": []any{"a"}}}, `attributes: needs aggregate "pod" or "workload"`},
		{
			map[string]any{"aggregate": "pod", "attributes": map[string]any{"exclude": []any{"network.tcp.handshake.role"}}},
			"attributes::exclude: without network.tcp.handshake.role the client's and the server's report of one flow would add up to twice what happened",
		},
		{
			map[string]any{"aggregate": "pod", "resource_attributes": map[string]any{"include": []any{"a"}, "exclude": []any{"a"}}},
			"resource_attributes: a is in include and in exclude",
		},
		{
			map[string]any{"aggregate": "pod", "metrics": map[string]any{"tcp.flow.oi": map[string]any{}}},
			"metrics::tcp.flow.oi: there is no metric of that name",
		},
		{map[string]any{"identity": map[string]any{"static": map[string]any{}}}, "identity::static: file: must be"},
	} {
		_, err := load(t, test.settings)
		require.ErrorContains(t, err, test.want)
	}
}
