// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

// A Granularity says which connections make one flow.
type Granularity string

// Granularities, from the finest to the coarsest.
const (
	// GranularityConnection keeps the full five-tuple.
	GranularityConnection Granularity = "connection"
	// GranularityEndpoint drops the client's ephemeral port.
	GranularityEndpoint Granularity = "endpoint"
	// GranularityPeer also merges the processes of one container.
	GranularityPeer Granularity = "peer"
)

var granularities = []Granularity{GranularityConnection, GranularityEndpoint, GranularityPeer}

// RemoteAddresses says whose addresses a server reports in full.
type RemoteAddresses string

// Choices of [RemoteAddresses].
const (
	// RemoteAddressesPrivate masks a server's public peers to their /24 or /56.
	RemoteAddressesPrivate RemoteAddresses = "private"
	// RemoteAddressesAll masks nothing.
	RemoteAddressesAll RemoteAddresses = "all"
)

var remoteAddresses = []RemoteAddresses{RemoteAddressesPrivate, RemoteAddressesAll}

// A Histogram is a kind of OTLP histogram.
type Histogram string

// Kinds of histograms.
const (
	HistogramExplicit    Histogram = "explicit"
	HistogramExponential Histogram = "exponential"
)

var histograms = []Histogram{HistogramExplicit, HistogramExponential}
