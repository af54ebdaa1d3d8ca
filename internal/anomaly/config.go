// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/tcpwhy/tcpwhy/internal/identity/directory"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

var _ component.Config = (*Config)(nil)

// Config of a component.
type Config struct {
	// Identity says where names come from; nil is nowhere.
	Identity *directory.Config `mapstructure:"identity"`
	// Aggregate says what series are added up to.
	Aggregate Aggregate `mapstructure:"aggregate"`
	// Interval is the time from one export of aggregated series to the next.
	Interval time.Duration `mapstructure:"interval"`
	// Temporality is that of aggregated series.
	Temporality Temporality `mapstructure:"temporality"`
	// OutputHistogram says which kind of histogram leaves.
	OutputHistogram Histogram `mapstructure:"output_histogram"`
	// MaxSeries is the number of aggregated series that are told apart.
	MaxSeries int `mapstructure:"max_series"`
	// MaxInputSeries is the number of series whose last value is remembered.
	MaxInputSeries int `mapstructure:"max_input_series"`
	// MaxStale is how long a series is kept that nothing more is heard of.
	MaxStale time.Duration `mapstructure:"max_stale"`
	// MaxGap is how long after its last point a series may come back and go on.
	MaxGap time.Duration `mapstructure:"max_gap"`
	// Attributes says which attributes of data points survive aggregation.
	Attributes AttributesConfig `mapstructure:"attributes"`
	// ResourceAttributes says which attributes of resources do.
	ResourceAttributes AttributesConfig `mapstructure:"resource_attributes"`
	// Metrics has settings for single metrics, by name.
	Metrics map[string]MetricConfig `mapstructure:"metrics"`
	// Detection says how faults are looked for.
	Detection DetectionConfig `mapstructure:"detection"`
	// Events says how they are told.
	Events EventsConfig `mapstructure:"events"`
	// Storage is the extension that keeps problems over a restart; nil is none.
	Storage *component.ID `mapstructure:"storage"`

	_ struct{}
}

// An AttributesConfig changes which attributes survive aggregation.
type AttributesConfig struct {
	// Include lists attributes that survive although the level drops them.
	Include []string `mapstructure:"include"`
	// Exclude lists attributes that do not survive although the level keeps them.
	Exclude []string `mapstructure:"exclude"`

	_ struct{}
}

func (c AttributesConfig) empty() bool { return len(c.Include) == 0 && len(c.Exclude) == 0 }

// A MetricConfig has settings for one metric.
type MetricConfig struct {
	// Attributes goes before the setting for all metrics.
	Attributes AttributesConfig `mapstructure:"attributes"`

	_ struct{}
}

// An Aggregate is a level of aggregation.
type Aggregate string

// Levels.
const (
	// AggregateDefault is AggregateWorkload where names are known, else AggregateNone.
	AggregateDefault  Aggregate = ""
	AggregateNone     Aggregate = "none"
	AggregatePod      Aggregate = "pod"
	AggregateWorkload Aggregate = "workload"
)

// A Temporality is what a point counts from.
type Temporality string

// Temporalities.
const (
	TemporalityCumulative Temporality = "cumulative"
	TemporalityDelta      Temporality = "delta"
)

// A Histogram is a kind of histogram.
type Histogram string

// Kinds of histograms.
const (
	HistogramExplicit    Histogram = "explicit"
	HistogramExponential Histogram = "exponential"
)

// CreateDefaultConfig returns what holds unless it is set.
func CreateDefaultConfig() component.Config {
	return &Config{
		Interval:        10 * time.Second,
		Temporality:     TemporalityCumulative,
		OutputHistogram: HistogramExplicit,
		MaxSeries:       100_000,
		MaxInputSeries:  1_000_000,
		MaxStale:        5 * time.Minute,
		MaxGap:          time.Hour,
		Detection:       defaultDetection,
		Events:          defaultEvents,
	}
}

// level is the level of aggregation.
func (c *Config) level() Aggregate {
	switch {
	case c.Aggregate != AggregateDefault:
		return c.Aggregate
	case c.Identity != nil:
		return AggregateWorkload
	default:
		return AggregateNone
	}
}

// Validate checks the configuration.
func (c *Config) Validate() error {
	return errors.Join(
		oneOf("aggregate", c.level(), AggregateNone, AggregatePod, AggregateWorkload),
		oneOf("temporality", c.Temporality, TemporalityCumulative, TemporalityDelta),
		oneOf("output_histogram", c.OutputHistogram, HistogramExplicit, HistogramExponential),
		atLeast("interval", c.Interval, time.Second),
		atLeast("max_stale", c.MaxStale, c.Interval),
		atLeast("max_gap", c.MaxGap, 0),
		atLeast("max_series", c.MaxSeries, 1),
		atLeast("max_input_series", c.MaxInputSeries, 1),
		c.validateAttributes(),
		c.validateLevel(),
		c.validateDetection(),
	)
}

func oneOf[T ~string](key string, value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: %q is none of %q", key, value, allowed)
}

func atLeast[T int | time.Duration](key string, value, least T) error {
	if value >= least {
		return nil
	}
	return fmt.Errorf("%s: %v is less than %v", key, value, least)
}

func (c *Config) validateAttributes() error {
	errs := []error{c.Attributes.validate("attributes"), c.ResourceAttributes.validate("resource_attributes")}
	for name, metric := range c.Metrics {
		key := "metrics::" + name
		if known[name] == nil {
			errs = append(errs, fmt.Errorf("%s: there is no metric of that name", key))
		}
		errs = append(errs, metric.Attributes.validate(key+"::attributes"))
	}
	return errors.Join(errs...)
}

func (c AttributesConfig) validate(key string) error {
	var errs []error
	if slices.Contains(c.Exclude, names.HandshakeRole) {
		errs = append(errs, fmt.Errorf("%s::exclude: without %s the client's and the server's report of one flow would add up to twice what happened",
			key, names.HandshakeRole))
	}
	for _, name := range c.Include {
		if slices.Contains(c.Exclude, name) {
			errs = append(errs, fmt.Errorf("%s: %s is in include and in exclude", key, name))
		}
	}
	return errors.Join(errs...)
}

// validateLevel refuses what would have no effect.
func (c *Config) validateLevel() error {
	if c.level() != AggregateNone {
		return nil
	}
	var errs []error
	refuse := func(key string, set bool) {
		if set {
			errs = append(errs, fmt.Errorf("%s: needs aggregate %q or %q", key, AggregatePod, AggregateWorkload))
		}
	}
	refuse("temporality", c.Temporality == TemporalityDelta)
	refuse("attributes", !c.Attributes.empty())
	refuse("resource_attributes", !c.ResourceAttributes.empty())
	refuse("metrics", len(c.Metrics) > 0)
	return errors.Join(errs...)
}
