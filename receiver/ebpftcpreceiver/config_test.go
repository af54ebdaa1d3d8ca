// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

func load(t *testing.T, id string) *Config {
	t.Helper()
	conf, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	sub, err := conf.Sub(id)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

func TestDefaultConfig(t *testing.T) {
	cfg := load(t, "ebpf_tcp")
	assert.Equal(t, 10*time.Second, cfg.CollectionInterval)
	assert.Equal(t, time.Second, cfg.InitialDelay)
	assert.EqualValues(t, "endpoint", cfg.Granularity)
	assert.Empty(t, cfg.Cgroup)
	assert.Zero(t, cfg.MaxFlows)
	assert.Equal(t, 5*time.Minute, cfg.FlowIdleTimeout)
	assert.EqualValues(t, "private", cfg.RemoteAddresses)
	assert.Empty(t, cfg.ClusterCIDRs)
	assert.EqualValues(t, "explicit", cfg.Histogram)
	assert.Empty(t, cfg.Include)
	assert.Empty(t, cfg.Exclude)
	assert.True(t, cfg.EventNameAttribute)
	assert.False(t, cfg.Events.enabled())
	assert.False(t, cfg.Attributes.FlowPair.Enabled)
	assert.True(t, load(t, "ebpf_tcp/pair").Attributes.FlowPair.Enabled)
	assert.Equal(t, [flow.NumEventKinds]EventConfig{{MaxPerSecond: 100}, {MaxPerSecond: 100}}, cfg.Events.of())
	for _, metric := range names.Metrics() {
		assert.Equal(t, metric.Enabled, cfg.enabled(metric), metric.Name)
	}
}

func TestFullConfig(t *testing.T) {
	cfg := load(t, "ebpf_tcp/full")
	assert.False(t, cfg.enabled(names.FlowRTTVariation))
	assert.True(t, cfg.enabled(names.FlowIO), "an empty entry changes nothing")
	assert.True(t, cfg.enabled(names.FlowRTT))
	cfg.Metrics = nil
	assert.Equal(t, &Config{
		CollectionInterval: 30 * time.Second,
		Granularity:        GranularityConnection,
		Cgroup:             "/sys/fs/cgroup/unified/system.slice",
		MaxFlows:           1000,
		FlowIdleTimeout:    time.Minute,
		RemoteAddresses:    RemoteAddressesAll,
		ClusterCIDRs:       []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		Histogram:          HistogramExponential,
		NAT:                NATConfig{Enabled: false, MaxEntries: 1000},
		Include: []RuleConfig{
			{
				CIDRs:     []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
				Ports:     []int{443, 5432},
				Processes: []string{"nginx", "postgres*"},
			},
			{Ports: []int{6379}},
		},
		Exclude: []RuleConfig{{Processes: []string{"?url"}}},
		Events: EventsConfig{
			ConnectionFailed: EventConfig{Enabled: true, MaxPerSecond: 100},
			ConnectionReset:  EventConfig{MaxPerSecond: 7},
		},
	}, cfg)
}

func TestEventsThatAreSwitchedOnHaveALimit(t *testing.T) {
	assert.Equal(t, [flow.NumEventKinds]int{flow.EventFailed: 100}, load(t, "ebpf_tcp/full").Events.limits())
}

func TestAMetricWithoutSettingsKeepsItsDefault(t *testing.T) {
	assert.True(t, load(t, "ebpf_tcp/empty_metric").enabled(names.FlowIO))
}

func TestConfigThatDoesNotDecode(t *testing.T) {
	for name, test := range map[string]struct {
		conf map[string]any
		want []string // parts of the error
	}{
		"an unknown key":     {map[string]any{"interval": "1s"}, []string{"interval"}},
		"no network":         {map[string]any{"cluster_cidrs": []any{"10.0.0.0"}}, []string{"cluster_cidrs[0]", "10.0.0.0"}},
		"no network in rule": {map[string]any{"include": []any{map[string]any{"cidrs": []any{"x/8"}}}}, []string{"include[0].cidrs[0]", "x/8"}},
		"an unknown event": {
			map[string]any{"events": map[string]any{"tcp.connection.lost": map[string]any{"enabled": true}}},
			[]string{"events", "tcp.connection.lost"},
		},
		"an unknown attribute": {
			map[string]any{"attributes": map[string]any{"tcp.flow.pairs": map[string]any{"enabled": true}}},
			[]string{"attributes", "tcp.flow.pairs"},
		},
		"an unknown criterion": {
			map[string]any{"exclude": []any{map[string]any{"users": []any{"root"}}}},
			[]string{"exclude[0]", "users"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := confmap.NewFromStringMap(test.conf).Unmarshal(createDefaultConfig())
			require.Error(t, err)
			for _, part := range test.want {
				assert.ErrorContains(t, err, part)
			}
		})
	}
}

// invalid is what makes a configuration invalid, by the error it makes.
var invalid = map[string]func(*Config){
	"collection_interval: 0s is below 100ms":        func(cfg *Config) { cfg.CollectionInterval = 0 },
	"collection_interval: 10ns is below 100ms":      func(cfg *Config) { cfg.CollectionInterval = 10 },
	"collection_interval: 30m0.001s is above 30m0s": func(cfg *Config) { cfg.CollectionInterval = 30*time.Minute + time.Millisecond },
	"initial_delay: -1s is below 0s":                func(cfg *Config) { cfg.InitialDelay = -time.Second },
	"initial_delay: 10h0m0s is above 30m0s":         func(cfg *Config) { cfg.InitialDelay = 10 * time.Hour },
	`granularity: "pod" is none of connection, endpoint, peer`: func(cfg *Config) {
		cfg.Granularity = "pod"
	},
	"max_flows: -1 is below 0":            func(cfg *Config) { cfg.MaxFlows = -1 },
	"max_flows: 1048577 is above 1048576": func(cfg *Config) { cfg.MaxFlows = 1<<20 + 1 },
	"flow_idle_timeout: -1s is below 0s":  func(cfg *Config) { cfg.FlowIdleTimeout = -time.Second },
	`remote_addresses: "none" is none of private, all`: func(cfg *Config) {
		cfg.RemoteAddresses = "none"
	},
	`histogram: "native" is none of explicit, exponential`: func(cfg *Config) { cfg.Histogram = "native" },
	"cluster_cidrs: has 17 values, more than 16": func(cfg *Config) {
		cfg.ClusterCIDRs = repeat(netip.MustParsePrefix("10.0.0.0/8"), 17)
	},
	"cluster_cidrs::0: is empty": func(cfg *Config) { cfg.ClusterCIDRs = make([]netip.Prefix, 1) },
	"cluster_cidrs::0: ::ffff:10.0.0.0/104: write IPv4-mapped addresses as IPv4, as flows do": func(cfg *Config) {
		cfg.ClusterCIDRs = []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.0"), 104)}
	},
	"include: has 17 values, more than 16": func(cfg *Config) {
		cfg.Include = repeat(RuleConfig{Ports: []int{1}}, 17)
	},
	"exclude::0: has none of cidrs, ports and processes, and would match everything": func(cfg *Config) {
		cfg.Exclude = make([]RuleConfig, 1)
	},
	"include::1::ports::1: 65536 is above 65535": including(RuleConfig{Ports: []int{80, 65536}}),
	"include::1::ports::0: 0 is below 1":         including(RuleConfig{Ports: []int{0}}),
	"include::1::ports: has 9 values, more than 8": including(RuleConfig{
		Ports: repeat(80, 9),
	}),
	"include::1::cidrs: has 9 values, more than 8": including(RuleConfig{
		CIDRs: repeat(netip.MustParsePrefix("10.0.0.0/8"), 9),
	}),
	"include::1::processes: has 9 values, more than 8": including(RuleConfig{Processes: repeat("nginx", 9)}),
	"include::1::processes::0: is empty":               including(RuleConfig{Processes: []string{""}}),
	`include::1::processes::0: "` + strings.Repeat("x", 33) + `" has 33 bytes, more than 32`: including(RuleConfig{
		Processes: []string{strings.Repeat("x", 33)},
	}),
	`include::1::processes::0: "post[gr]es" contains '[': a name with * and ? is expected, no other pattern and no path`: including(
		RuleConfig{Processes: []string{"post[gr]es"}},
	),
	`include::1::processes::0: "/bin/sh" contains '/': a name with * and ? is expected, no other pattern and no path`: including(
		RuleConfig{Processes: []string{"/bin/sh"}},
	),
	"include, exclude: have 72 processes together, more than 64": func(cfg *Config) {
		cfg.Include = repeat(RuleConfig{Processes: repeat("nginx", 8)}, 9)
	},
	"attributes::tcp.flow.pair: needs nat::enabled, or both ends of a translated connection would not have the same": func(cfg *Config) {
		cfg.Attributes.FlowPair.Enabled, cfg.NAT.Enabled = true, false
	},
	"events::tcp.connection.failed::max_per_second: 0 is below 1":        func(cfg *Config) { cfg.Events.ConnectionFailed.MaxPerSecond = 0 },
	"events::tcp.connection.reset::max_per_second: 10001 is above 10000": func(cfg *Config) { cfg.Events.ConnectionReset.MaxPerSecond = 10_001 },
	"metrics::tcp.flow.ttl: not a metric of this receiver": func(cfg *Config) {
		cfg.Metrics["tcp.flow.ttl"] = MetricConfig{}
	},
}

// including makes the second rule of include.
func including(rule RuleConfig) func(*Config) {
	return func(cfg *Config) { cfg.Include = []RuleConfig{{Ports: []int{1}}, rule} }
}

func TestInvalidConfig(t *testing.T) {
	for want, change := range invalid {
		t.Run(want, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			change(cfg)
			assert.EqualError(t, cfg.Validate(), want)
		})
	}
}

func TestEveryBrokenRuleIsReported(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.MaxFlows, cfg.Histogram = -1, ""
	cfg.Metrics["b"], cfg.Metrics["a"] = MetricConfig{}, MetricConfig{}
	assert.EqualError(t, cfg.Validate(), strings.Join([]string{
		"max_flows: -1 is below 0",
		`histogram: "" is none of explicit, exponential`,
		"metrics::a: not a metric of this receiver",
		"metrics::b: not a metric of this receiver",
	}, "\n"))
}

func repeat[T any](value T, count int) []T {
	values := make([]T, count)
	for i := range values {
		values[i] = value
	}
	return values
}
