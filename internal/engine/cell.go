// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"math"

	"github.com/tcpwhy/tcpwhy/internal/detect/shift"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
)

// A cell is what one track did in one window.
type cell struct {
	track     *track
	pace      int32 // windows that its agent tells of at once
	report    diagnose.Report
	rtt       shift.Histogram
	variation shift.Histogram
}

// Merge adds another cell of the same window.
func (c *cell) Merge(o *cell) {
	c.report.Join(&o.report)
	c.rtt.Merge(&o.rtt)
	c.variation.Merge(&o.variation)
}

// most is how far a float64 counts by ones.
const most = 1 << 53

// amount is how much there is of something. What cannot be is nothing.
func amount(n float64) float64 {
	if !(n > 0 && n <= most) {
		return 0
	}
	return n
}

// count is a number of things.
func count(n float64) uint64 { return uint64(math.Round(amount(n))) }

// sum adds the growth of a sum.
func (c *cell) sum(f Field, n float64) {
	r := &c.report
	switch f {
	case Sent:
		r.Sent += count(n)
	case Received:
		r.Received += count(n)
	case DataSegments:
		r.DataSegments += count(n)
	case RetransmitUnknown, RetransmitFast, RetransmitTimeout, RetransmitProbe, RetransmitSYN:
		r.Retransmits[f-RetransmitUnknown] += count(n)
	case Episodes:
		r.Episodes += count(n)
	case Spurious:
		r.Spurious += count(n)
	case OutOfOrder:
		r.OutOfOrder += count(n)
	case Opened:
		r.Opened += count(n)
	case FailedOtherwise, FailedRefused, FailedTimeout, FailedUnreachable, FailedReset, FailedNoAddress, FailedAborted:
		r.Failed[f-FailedOtherwise] += count(n)
	case TimeIdle, TimeNetworkLimited, TimeReceiveWindowLimited, TimeSendBufferLimited:
		r.Time[f-TimeIdle] += amount(n)
	case Exchanges:
		r.Exchanges += count(n)
	default:
		c.trouble(f, n)
	}
}

// trouble adds the growth of a sum that is rarely there.
func (c *cell) trouble(f Field, n float64) {
	r := &c.report
	switch f {
	case ClosedFIN, ClosedResetSent, ClosedResetReceived, ClosedTimeout:
		r.Closed += count(n)
		switch f {
		case ClosedResetSent:
			r.ResetsSent += count(n)
		case ClosedResetReceived:
			r.ResetsReceived += count(n)
		case ClosedTimeout:
			r.ClosedByTimeout += count(n)
		}
	case Probes:
		r.ZeroWindowProbes += count(n)
	case Stalls:
		r.Stalls += count(n)
	case StallTime:
		r.StallTime += amount(n)
	case Corks:
		r.Corks += count(n)
	case Overflows:
		r.Overflows += count(n)
	}
}

// gauge takes in the value of one flow's gauge.
func (c *cell) gauge(f Field, n float64) {
	r := &c.report
	switch f {
	case Established:
		r.Live += count(n)
	case Awaiting:
		r.Awaiting += count(n)
	case SendQueue:
		r.SendQueue += count(n)
	case ReceiveQueue:
		r.ReceiveQueue += count(n)
	case DeliveryRate:
		r.DeliveryRate += amount(n)
	case ReceiveBuffer:
		least(&r.ReceiveBuffer, count(n))
	case LockedReceiveBuffer:
		least(&r.LockedReceiveBuffer, count(n))
	case SendBuffer:
		least(&r.SendBuffer, count(n))
	case LockedSendBuffer:
		least(&r.LockedSendBuffer, count(n))
	case ReceiveScale:
		leastScale(&r.ReceiveScale, n)
	case SendScale:
		leastScale(&r.SendScale, n)
	case CongestionWindow:
		least(&r.CongestionWindow, count(n))
	case MinRTT:
		least(&r.MinRTT, amount(n))
	case QueueLength:
		r.QueueLength = max(r.QueueLength, count(n))
	case QueueLimit:
		r.QueueLimit = max(r.QueueLimit, count(n))
	}
}

// least keeps the smaller one of two values of which 0 is none.
func least[N uint64 | float64](to *N, n N) {
	if n > 0 && (*to == 0 || n < *to) {
		*to = n
	}
}

// scales are all there are; none is made for a report.
var scales = [...]uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}

func leastScale(to **uint8, n float64) {
	if !(n >= 0 && n < float64(len(scales))) {
		return
	}
	if s := &scales[int(n)]; *to == nil || *s < **to {
		*to = s
	}
}
