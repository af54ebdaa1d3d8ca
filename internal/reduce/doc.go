// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package reduce adds many series up to few, exactly: cumulative or delta sums,
// histograms of both kinds, and gauges.
//
// An [Input] is one series as it comes, an [Output] one as it leaves; a [Table] holds
// both within bounds. Each point adds what it has grown by to its output, so an output
// is a running sum of differences: an input that ends keeps its share, and one that
// begins anew adds to it. Times are ns since 1970. It knows neither OpenTelemetry's data
// types nor what the series are about, and is not safe for concurrent use.
package reduce
