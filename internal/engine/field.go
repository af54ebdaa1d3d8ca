// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

// A Field is what a number tells of a flow: a metric, split by its attribute. Sums are
// growths, gauges are of the point's time.
type Field uint8

// Fields. None is not watched.
const (
	None Field = iota

	Sent // bytes of payload
	Received
	DataSegments // sent
	RetransmitUnknown
	RetransmitFast
	RetransmitTimeout
	RetransmitProbe
	RetransmitSYN
	Episodes
	Spurious
	OutOfOrder
	Opened
	ClosedFIN
	ClosedResetSent
	ClosedResetReceived
	ClosedTimeout
	FailedOtherwise
	FailedRefused
	FailedTimeout
	FailedUnreachable
	FailedReset
	FailedNoAddress
	FailedAborted
	TimeIdle // seconds
	TimeNetworkLimited
	TimeReceiveWindowLimited
	TimeSendBufferLimited
	Exchanges
	Probes
	Stalls
	StallTime // seconds
	Corks
	Overflows

	firstGauge // what follows is gauges

	Established // connections
	Awaiting
	SendQueue // bytes
	ReceiveQueue
	ReceiveBuffer
	LockedReceiveBuffer
	SendBuffer
	LockedSendBuffer
	ReceiveScale
	SendScale
	CongestionWindow
	DeliveryRate
	MinRTT      // seconds
	QueueLength // connections
	QueueLimit

	firstHistogram // what follows is histograms

	RTT
	Variation
)

// Gauge tells whether a field's value is as of its point's time.
func (f Field) Gauge() bool { return f > firstGauge && f < firstHistogram }

// Histogram tells whether a field has a distribution.
func (f Field) Histogram() bool { return f > firstHistogram }
