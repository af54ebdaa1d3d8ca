// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "math"

// Join adds what the same end said of other connections of the pair in the same window.
func (r *Report) Join(o *Report) {
	live, awaiting := r.Live+o.Live, r.Awaiting+o.Awaiting
	send, receive := r.SendQueue+o.SendQueue, r.ReceiveQueue+o.ReceiveQueue
	rate, seconds := r.DeliveryRate+o.DeliveryRate, max(r.Seconds, o.Seconds)
	before := *r
	r.add(o)
	r.Seconds = seconds
	r.Live, r.Awaiting, r.SendQueue, r.ReceiveQueue, r.DeliveryRate = live, awaiting, send, receive, rate
	r.ReceiveBuffer = smallest(before.ReceiveBuffer, o.ReceiveBuffer)
	r.LockedReceiveBuffer = smallest(before.LockedReceiveBuffer, o.LockedReceiveBuffer)
	r.SendBuffer = smallest(before.SendBuffer, o.SendBuffer)
	r.LockedSendBuffer = smallest(before.LockedSendBuffer, o.LockedSendBuffer)
	r.CongestionWindow = smallest(before.CongestionWindow, o.CongestionWindow)
	r.QueueLength, r.QueueLimit = before.QueueLength, before.QueueLimit
	r.Queue(o.QueueLength, o.QueueLimit)
	r.ReceiveScale = smallestScale(before.ReceiveScale, o.ReceiveScale)
	r.SendScale = smallestScale(before.SendScale, o.SendScale)
	r.MinRTT = o.MinRTT
	if o.MinRTT == 0 || before.MinRTT > 0 && before.MinRTT < o.MinRTT {
		r.MinRTT = before.MinRTT
	}
}

func smallestScale(a, b *uint8) *uint8 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// Lost is how many of the episodes repaired a loss; the rest is [Report.Needless].
func (r *Report) Lost() uint64 { return r.Episodes - r.Needless() }

// Needless is how many of the episodes were for nothing, if episodes are like the segments
// that were sent again in them: of these the peer tells which it had before (DSACK).
func (r *Report) Needless() uint64 {
	sent := r.retransmits()
	if sent == 0 {
		return 0
	}
	share := min(1, float64(r.Spurious)/float64(sent))
	return uint64(math.Round(share * float64(r.Episodes)))
}

// Attempts to connect that came to an end, but for those that their owner gave up.
func (r *Report) Attempts() uint64 { return r.attempts() }

// Trouble tells whether anything in a report may make a rule match without a detector: most
// have nothing, and rules need not look at them.
func (r *Report) Trouble() bool {
	failed := uint64(0)
	for failure, n := range r.Failed {
		if Failure(failure) != FailedAborted {
			failed += n
		}
	}
	return failed > 0 || r.Stalls > 0 || r.Overflows > 0 || r.ZeroWindowProbes > 0 || r.ClosedByTimeout > 0 ||
		r.Retransmits[RetransmitTimeout] > 0 || r.CongestionWindow > 0 ||
		r.share(ReceiveWindowLimited) >= minWindowShare || r.share(SendBufferLimited) >= minSendShare ||
		float64(r.Opened) >= minOpenedRate*r.Seconds && r.Opened > 0
}

// Queue takes in another listener's accept queue, or the same at another time, if less of that is free.
func (r *Report) Queue(length, limit uint64) {
	switch free, other := (r.QueueLength+1)*(limit+1), (length+1)*(r.QueueLimit+1); {
	case limit == 0:
	case r.QueueLimit == 0 || other > free:
		r.QueueLength, r.QueueLimit = length, limit
	}
}
