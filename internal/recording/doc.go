// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package recording reads, cuts and writes what receivers told: files of the Collector's
// file exporter with format proto, compressed with zstd or not.
//
// A cut is what a golden case of tcp_anomaly plays. It has fewer points than the recording;
// those that it has are unaltered.
package recording
