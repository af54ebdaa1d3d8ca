// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

// A Phase is what a connection spends its time with, one at a time.
type Phase uint8

// Phases. Values are those of the kernel side.
const (
	PhaseIdle                 Phase = iota // nothing to send
	PhaseNetworkLimited                    // by the congestion window, or by acknowledgements to come
	PhaseReceiveWindowLimited              // by the peer's window
	PhaseSendBufferLimited                 // by this end's buffer
	NumPhases
)

// Indices of a [Gauges] buffer: whether the application has set its size.
const (
	Tuned = iota // by the kernel
	Locked
	numLocks
)

// Gauges are what a flow's live sockets looked like at the last sweep: sums of
// what adds up, of the rest the smallest. Of the latter 0 is none.
type Gauges struct {
	QueueSend        uint64 // bytes written and not acknowledged
	QueueUnsent      uint64 // bytes of these that were not sent
	QueueReceive     uint64 // bytes received and not read
	DeliveryRate     uint64 // bytes per second
	Awaiting         uint32 // connections
	CongestionWindow uint32 // segments
	// RTTMin is one more than the smallest round-trip time in µs.
	RTTMin        uint32
	ReceiveBuffer [numLocks]uint32 // bytes
	SendBuffer    [numLocks]uint32 // bytes
	// ListenQueue is the most of connections to be accepted, ListenLimit the
	// largest of their limits.
	ListenQueue, ListenLimit uint32
	// WindowScale is one more than the smallest scale: by Transmit the peer's,
	// by Receive this end's.
	WindowScale [NumDirections]uint8
}

func (g *Gauges) add(o *Gauges) {
	g.QueueSend += o.QueueSend
	g.QueueUnsent += o.QueueUnsent
	g.QueueReceive += o.QueueReceive
	g.DeliveryRate += o.DeliveryRate
	g.Awaiting += o.Awaiting
	least(&g.CongestionWindow, o.CongestionWindow)
	least(&g.RTTMin, o.RTTMin)
	g.ListenQueue = max(g.ListenQueue, o.ListenQueue)
	g.ListenLimit = max(g.ListenLimit, o.ListenLimit)
	for i := range g.ReceiveBuffer {
		least(&g.ReceiveBuffer[i], o.ReceiveBuffer[i])
		least(&g.SendBuffer[i], o.SendBuffer[i])
	}
	for i := range g.WindowScale {
		least(&g.WindowScale[i], o.WindowScale[i])
	}
}

// least keeps the smaller one of what there is.
func least[T uint8 | uint32](smallest *T, value T) {
	if value != 0 && (*smallest == 0 || value < *smallest) {
		*smallest = value
	}
}
