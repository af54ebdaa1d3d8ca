// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

// A RetransmitKind says what made the kernel send a segment again.
type RetransmitKind uint8

// Kinds of retransmissions. Values are those of the kernel side.
const (
	RetransmitUnknown       RetransmitKind = iota // nobody saw it happen
	RetransmitFast                                // acknowledgements told of a loss
	RetransmitTimeout                             // no acknowledgement came in time
	RetransmitTailLossProbe                       // sent to provoke an acknowledgement
	RetransmitSYN                                 // of the handshake
	NumRetransmitKinds
)

// A Failure says why a connection was never established.
type Failure uint8

// Failures. Values are those of the kernel side.
const (
	FailureOther Failure = iota
	FailureRefused
	FailureTimedOut
	FailureHostUnreachable
	FailureNetworkUnreachable
	FailureReset
	FailureNoAddress // no local port left
	FailureAborted   // by its owner
	NumFailures
)

// A Trouble counts what most flows never see.
type Trouble struct {
	Retransmits [NumRetransmitKinds]uint64 // segments
	Episodes    uint64                     // bursts of retransmissions
	Spurious    uint64                     // segments retransmitted for nothing, as the peer says
	OutOfOrder  uint64                     // segments that arrived so
	Failed      [NumFailures]uint64        // connections
	Probes      uint64                     // of a window of 0
	Stalls      uint64                     // small writes that waited for an acknowledgement
	StallTime   uint64                     // µs
	Corks       uint64                     // small writes that waited because of TCP_CORK
	Resets      [NumDirections]uint64      // segments
	Overflows   uint64                     // requests that a listener dropped
}

// Troubles are those of a flow since it began.
type Troubles struct {
	Trouble
	resetReasons *[]ResetReason // nil as a rule, and small
}

// ResetReasons says why RSTs were sent, of those of which the kernel tells.
func (t *Troubles) ResetReasons() []ResetReason {
	if t.resetReasons == nil {
		return nil
	}
	return *t.resetReasons
}

func (t *Troubles) explain(more []ResetReason) {
	if len(more) == 0 {
		return
	}
	if t.resetReasons == nil {
		t.resetReasons = new([]ResetReason)
	}
	*t.resetReasons = AddResetReasons(*t.resetReasons, more)
}

func (t *Trouble) add(o *Trouble) {
	addAll(t.Retransmits[:], o.Retransmits[:])
	addAll(t.Failed[:], o.Failed[:])
	addAll(t.Resets[:], o.Resets[:])
	t.Episodes += o.Episodes
	t.Spurious += o.Spurious
	t.OutOfOrder += o.OutOfOrder
	t.Probes += o.Probes
	t.Stalls += o.Stalls
	t.StallTime += o.StallTime
	t.Corks += o.Corks
	t.Overflows += o.Overflows
}
