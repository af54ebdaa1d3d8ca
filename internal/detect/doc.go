// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package detect holds what all detectors share: windows of data time, series
// and their bounded table, thresholds, and the [Verdict] that a detector gives.
// The detectors are packages of their own: ratio, shift and level.
//
// It knows neither OpenTelemetry nor Kubernetes: plain series come in, verdicts
// go out. All time is that of the data, so a run over recorded data says what
// the run over the live data said. Nothing here is safe for concurrent use.
package detect
