// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"math"
	"time"
)

// Thresholds below and above these bounds are not used: with less evidence a
// single series would be opened by ordinary noise, and more never decides.
const (
	minThreshold = 12
	maxThreshold = 30
)

// Threshold is the evidence, in nats, that opens an anomaly, if so many live
// series of a window's width may together give so many false ones a day:
//
//	h = ln(series · windows a day / false)
//
// because the likelihood ratio of a series without a change exceeds e^h in a
// window with a probability of at most e^-h.
func Threshold(series int, width time.Duration, falseADay float64) float64 {
	windows := (24 * time.Hour).Seconds() / width.Seconds()
	h := math.Log(float64(max(series, 1)) * windows / falseADay)
	return min(max(h, minThreshold), maxThreshold)
}
