// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

var _ component.Config = (*Config)(nil)

// Config of the receiver.
type Config struct {
	// CollectionInterval is the time from one export to the next.
	CollectionInterval time.Duration `mapstructure:"collection_interval"`
	// InitialDelay is the time from the start to the first export.
	InitialDelay time.Duration `mapstructure:"initial_delay"`
	// Granularity says which connections make one flow.
	Granularity Granularity `mapstructure:"granularity"`
	// Cgroup is the directory of the cgroup v2 whose sockets are observed;
	// empty means the root of the hierarchy, wherever it is mounted.
	Cgroup string `mapstructure:"cgroup"`
	// MaxFlows is the number of flows that are told apart; 0 chooses by memory.
	MaxFlows int `mapstructure:"max_flows"`
	// FlowIdleTimeout is how long a flow without open connections is kept.
	FlowIdleTimeout time.Duration `mapstructure:"flow_idle_timeout"`
	// RemoteAddresses says whose addresses a server reports in full.
	RemoteAddresses RemoteAddresses `mapstructure:"remote_addresses"`
	// ClusterCIDRs are networks to be treated as private although their
	// addresses are public.
	ClusterCIDRs []netip.Prefix `mapstructure:"cluster_cidrs"`
	// Histogram says which kind of histogram is exported.
	Histogram Histogram `mapstructure:"histogram"`
	// NAT looks behind addresses that this host translates.
	NAT NATConfig `mapstructure:"nat"`
	// Attributes switches attributes that are not on by default.
	Attributes AttributesConfig `mapstructure:"attributes"`
	// Include lists what is observed; empty means every connection.
	Include []RuleConfig `mapstructure:"include"`
	// Exclude lists what is not observed, even if Include lists it.
	Exclude []RuleConfig `mapstructure:"exclude"`
	// Metrics switches metrics on and off by name.
	Metrics map[string]MetricConfig `mapstructure:"metrics"`
	// Events switches events of single connections on, which leave as logs.
	Events EventsConfig `mapstructure:"events"`
	// EventNameAttribute repeats an event's name as an attribute, for backends
	// that drop the field.
	EventNameAttribute bool `mapstructure:"event_name_attribute"`
	// DropCapabilities gives up, in the whole process and for good, capabilities
	// that are of use only at start.
	DropCapabilities bool `mapstructure:"drop_capabilities"`

	_ struct{}
}

// A MetricConfig switches one metric.
type MetricConfig struct {
	// Enabled is nil for the metric's default.
	Enabled *bool `mapstructure:"enabled"`

	_ struct{}
}

func createDefaultConfig() component.Config {
	cfg := &Config{
		CollectionInterval: 10 * time.Second,
		InitialDelay:       time.Second,
		Granularity:        GranularityEndpoint,
		FlowIdleTimeout:    5 * time.Minute,
		RemoteAddresses:    RemoteAddressesPrivate,
		Histogram:          HistogramExplicit,
		NAT:                defaultNAT(),
		Metrics:            make(map[string]MetricConfig),
		Events:             defaultEvents(),
		EventNameAttribute: true,
		DropCapabilities:   true,
	}
	for _, metric := range names.Metrics() {
		cfg.Metrics[metric.Name] = MetricConfig{Enabled: &metric.Enabled}
	}
	return cfg
}

// enabled reports whether the user wants the metric.
func (cfg *Config) enabled(metric names.Metric) bool {
	if enabled := cfg.Metrics[metric.Name].Enabled; enabled != nil {
		return *enabled
	}
	return metric.Enabled
}

// Validate returns one error for each key that breaks its rule.
func (cfg *Config) Validate() error {
	return errors.Join(
		within("collection_interval", cfg.CollectionInterval, minInterval, maxInterval),
		within("initial_delay", cfg.InitialDelay, 0, maxInterval),
		oneOf("granularity", cfg.Granularity, granularities),
		within("max_flows", cfg.MaxFlows, 0, maxMaxFlows),
		notNegative("flow_idle_timeout", cfg.FlowIdleTimeout),
		oneOf("remote_addresses", cfg.RemoteAddresses, remoteAddresses),
		checkAll("cluster_cidrs", cfg.ClusterCIDRs, maxClusterCIDRs, checkCIDR),
		oneOf("histogram", cfg.Histogram, histograms),
		cfg.NAT.check(),
		cfg.checkAttributes(),
		checkAll("include", cfg.Include, maxRules, checkRule),
		checkAll("exclude", cfg.Exclude, maxRules, checkRule),
		checkGlobs(cfg.Include, cfg.Exclude),
		cfg.checkMetrics(),
		cfg.Events.check(),
	)
}

func (cfg *Config) checkMetrics() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Metrics)) {
		known := slices.ContainsFunc(names.Metrics(), func(m names.Metric) bool { return m.Name == name })
		if !known {
			errs = append(errs, fmt.Errorf("metrics::%s: not a metric of this receiver", name))
		}
	}
	return errors.Join(errs...)
}
