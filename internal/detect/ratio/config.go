// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio

import (
	"fmt"
	"time"
)

// Config says what kind of events a [Detector] watches.
type Config struct {
	// Width is that of a window.
	Width time.Duration
	// Threshold is the evidence that opens an anomaly, in nats: detect.Threshold.
	Threshold float64

	// Prior is the share of trials that are events where nothing else is known,
	// and Weight how many trials it counts for.
	Prior, Weight float64
	// Floor is the smallest baseline: below it a single event would be a rise.
	Floor float64
	// Step is the smallest rise, as a share of trials, that matters.
	Step float64
	// Dispersion is the mean size of a burst where nothing else is known.
	Dispersion float64
	// Events is the smallest number of events that opens an anomaly.
	Events float64
}

// Episodes are retransmission episodes by data segments sent.
func Episodes(width time.Duration, threshold float64) Config {
	return Config{
		Width: width, Threshold: threshold,
		Prior: 3e-4, Weight: 5000, Floor: 5e-5, Step: 1e-3, Dispersion: 1.3, Events: 5,
	}
}

// Connects are connects that went wrong, by connects tried: SYN retransmitted,
// refused, or dropped because the listener's accept queue was full.
func Connects(width time.Duration, threshold float64) Config {
	return Config{
		Width: width, Threshold: threshold,
		Prior: 1e-3, Weight: 500, Floor: 1e-3, Step: 0.05, Dispersion: 2, Events: 3,
	}
}

// Resets are connections that ended by a reset, by connections that ended.
func Resets(width time.Duration, threshold float64) Config {
	return Config{
		Width: width, Threshold: threshold,
		Prior: 1e-2, Weight: 200, Floor: 5e-3, Step: 0.1, Dispersion: 2, Events: 5,
	}
}

// Validate returns an error that names the field and the rule.
func (c *Config) Validate() error {
	for _, f := range []struct {
		name        string
		value       float64
		above, upTo float64
	}{
		{"Width", c.Width.Seconds(), 0, 3600},
		{"Threshold", c.Threshold, 0, 1000},
		{"Prior", c.Prior, 0, 0.5},
		{"Weight", c.Weight, 0, 1e9},
		{"Floor", c.Floor, 0, 0.5},
		{"Step", c.Step, 0, 0.5},
		{"Dispersion", c.Dispersion, 0, maxDispersion},
		{"Events", c.Events, 0, 1e9},
	} {
		if !(f.value > f.above && f.value <= f.upTo) {
			return fmt.Errorf("check %s: %g is not above %g and at most %g", f.name, f.value, f.above, f.upTo)
		}
	}
	return nil
}
