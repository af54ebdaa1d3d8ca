// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package shift

import "github.com/tcpwhy/tcpwhy/internal/detect"

// A State is all that is remembered of a series; [Detector.Start] makes it. Its
// windows are of 32 bits, which is enough until 2106 if they are seconds.
type State struct {
	usual [Buckets]float32 // decayed counts
	since [Buckets]uint16  // counts since the sum was zero; halved when one is full

	// sum is S while nothing is open, T while an anomaly is; nats.
	sum, evidence float32
	noise         noise

	last, start, detected, quiet uint32 // windows
	samples                      uint32 // since start
	age                          uint16
	windows, hits                uint16 // since start, and of them those that are higher
	peak                         uint8  // bucket
	reason                       detect.Reason
	open, suspicious, coarse     bool
	far                          bool
}

// Open reports whether an anomaly is open.
func (s *State) Open() bool { return s.open }

// Last is the last window with data.
func (s *State) Last() detect.Window { return detect.Window(s.last) }
