// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio

import "github.com/tcpwhy/tcpwhy/internal/detect"

// A State is all that is remembered of a series. [Detector.Start] makes it.
type State struct {
	own   Baseline
	prior prior
	// held are windows' contributions to the size of bursts while the series is
	// suspicious: a fault must not pass for a burst, nor a burst be forgotten.
	held  [3]float64
	rises [alternatives]rise
	seen  float64 // trials

	last     detect.Window // the last one with data
	eventful detect.Window // the last one with events
	age      uint32        // windows with data, as far as it matters
	open     bool
	// suspicious is that there is evidence, not enough to open: the baseline is
	// frozen.
	suspicious bool
	reason     detect.Reason // why it was closed last
	change     detect.Change

	anomaly anomaly
}

// A rise is one alternative's cumulative sum, and what came since it was zero.
type rise struct {
	sum            float64 // S, nats
	trials, events float64
	since          detect.Window
	hits           uint32 // windows with events
}

// An anomaly is what a verdict tells.
type anomaly struct {
	start, detected, quiet, updated detect.Window
	trials, events                  float64 // up to quiet
	allTrials, allEvents            float64 // up to now
	baseline, evidence, peak        float64
	fall                            float64 // T, nats
}

// Open reports whether an anomaly is open.
func (s *State) Open() bool { return s.open }

// Last is the last window with data.
func (s *State) Last() detect.Window { return s.last }
