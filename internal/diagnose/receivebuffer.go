// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "fmt"

// F2, a receive buffer that the application has set too small. Static, at the receiver:
//
//	(a) window scale 0 and a locked buffer: set before listen or connect. The scale is fixed
//	    by the handshake, so the window stays below 64 KiB for good: tcp_window_scale_zero
//	(b) a scale and a locked buffer: set on the connection: tcp_receive_buffer_locked
//
// That alone hurts nobody. It does where the sender waits for the window (share of wall time
// ≥ 10 % in 3 windows) while the receiver's queue is almost empty: a full one means a slow
// reader (F3). Where nobody observes the receiver, scale 0 as the sender sees it is (a).
//
// Not it: small buffers that nobody waits for (games, WebRTC, short paths).
var receiveBuffer = Rule{
	Code: "F2", Type: "tcp_receive_buffer_locked", Class: ClassWindow, Locked: true,
	AdviceID: "unset_rcvbuf",
	Advice: "Remove SO_RCVBUF at the receiver, so that the kernel sizes the buffer by itself; or set it before " +
		"listen or connect to at least twice bandwidth times round-trip time (limits: net.core.rmem_max, net.ipv4.tcp_rmem).",
	match: matchReceiveBuffer,
}

const (
	minWindowShare = .1
	// fullQueue is the share of the receive buffer from which on the reader is slow.
	fullQueue = .5
	// smallBuffer is tcp_rmem's default: what the kernel gives before it grows a buffer.
	smallBuffer = 131072
)

func matchReceiveBuffer(p *Pair) (Finding, bool) {
	limited := func(r *Report) bool { return r.share(ReceiveWindowLimited) >= minWindowShare }
	if !p.Sender.held(ticks, limited) || queueIsFull(p.Receiver) {
		return Finding{}, false
	}
	s := p.Sender.last(ticks)
	share := 100 * s.share(ReceiveWindowLimited)
	if len(p.Receiver) == 0 {
		if s.SendScale == nil || *s.SendScale != 0 {
			return Finding{}, false
		}
		return Finding{Type: "tcp_window_scale_zero", Side: SideReceiver, Evidence: fmt.Sprintf(
			"The sender waited for the window %.0f%% of the time; the peer's window scale is 0.", share)}, true
	}
	r := p.Receiver.last(1)
	if !r.Pinned() {
		return Finding{}, false
	}
	f := Finding{Side: SideReceiver, Evidence: fmt.Sprintf(
		"The sender waited for the window %.0f%% of the time; the application has set the receive buffer to %d B.",
		share, r.LockedReceiveBuffer)}
	if r.ReceiveScale != nil && *r.ReceiveScale == 0 {
		f.Type = "tcp_window_scale_zero"
		f.Evidence += " It did so before the handshake: the window scale is 0 and the window can never grow."
	}
	return f, true
}

// Pinned tells whether an application has set a receive buffer that is small.
func (r *Report) Pinned() bool {
	return r.LockedReceiveBuffer > 0 && r.LockedReceiveBuffer < smallBuffer
}

// Full tells whether data waits to be read.
func (r *Report) Full() bool {
	return r.ReceiveBuffer > 0 &&
		float64(r.ReceiveQueue) >= fullQueue*float64(smallest(r.ReceiveBuffer, r.LockedReceiveBuffer))
}

// queueIsFull tells whether data waits to be read by now.
func queueIsFull(receiver History) bool {
	r := receiver.last(1)
	return r.Full()
}

// smallest is the smaller of two sizes of which 0 is none.
func smallest(a, b uint64) uint64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
