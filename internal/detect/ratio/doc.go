// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package ratio finds the moment from which more of a series' trials are
// events than usual: retransmission episodes among data segments, refused
// among connects. It adds up log-likelihood ratios (CUSUM) of windows against
// the series' own baseline, allowing for bursts, so that few trials or a burst
// do not open an anomaly and a small lasting rise does.
//
// A series costs one [State]; a [Detector] holds no series and may serve any
// number of them.
package ratio
