// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift

import (
	"fmt"
	"time"
)

// Config says what kind of values a [Detector] watches.
type Config struct {
	// Width is that of a window.
	Width time.Duration
	// Threshold is the evidence that opens an anomaly, in nats: detect.Threshold.
	Threshold float64
	// Times is by how much the median or the 90th percentile has to rise, as a
	// factor, and Seconds as a difference, to matter.
	Times, Seconds float64
	// FarSeconds is Seconds of what is between zones; 0 is the same.
	FarSeconds float64
	// High is that only the 90th percentile counts.
	High bool
}

// RTT are round-trip times. A rise by less than 5 ms between zones and by less
// than 1 ms within one matters to nobody.
func RTT(width time.Duration, threshold float64) Config {
	return Config{Width: width, Threshold: threshold, Times: 1.5, Seconds: 0.001, FarSeconds: 0.005}
}

// Jitter are variations of round-trip times.
func Jitter(width time.Duration, threshold float64) Config {
	return Config{Width: width, Threshold: threshold, Times: 2, Seconds: 0.0005, High: true}
}

// Validate returns an error that names the field and the rule.
func (c *Config) Validate() error {
	for _, f := range []struct {
		name            string
		value           float64
		atLeast, atMost float64
	}{
		{"Width", c.Width.Seconds(), 1e-3, 3600},
		{"Threshold", c.Threshold, 1e-3, 1000},
		{"Times", c.Times, 1, 1000},
		{"Seconds", c.Seconds, 0, 1},
		{"FarSeconds", c.FarSeconds, 0, 1},
	} {
		if !(f.value >= f.atLeast && f.value <= f.atMost) {
			return fmt.Errorf("check %s: %g is not from %g to %g", f.name, f.value, f.atLeast, f.atMost)
		}
	}
	return nil
}
