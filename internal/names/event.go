// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// An Event describes one kind of log record of the receiver.
type Event struct {
	Name        string
	Description string
	// Attributes are those beyond the two ends of the connection and
	// [ConnectionDuration], [ConnectionRetransmits].
	Attributes []string
}

// Events of the receiver. All are switched off by default.
var (
	ConnectionFailed = Event{
		Name:        "tcp.connection.failed",
		Description: "A connection was not established. One that its owner gave up is aborted, which is no fault: its severity is INFO, that of others WARN.",
		Attributes:  []string{ErrorType},
	}
	ConnectionReset = Event{
		Name:        "tcp.connection.reset",
		Description: "An established connection was reset. Each end tells by itself, so one inside the host is told of twice. Severity WARN.",
		Attributes:  []string{CloseReason, ConnectionTransmit, ConnectionReceive},
	}
)

// Events returns all events of the receiver.
func Events() []Event { return []Event{ConnectionFailed, ConnectionReset} }

// Attributes of events. All but [EventName] are own.
const (
	// EventName repeats the record's field, which several backends drop.
	EventName = "event.name"
	// ConnectionDuration is in seconds: since the connection was established, or tried.
	ConnectionDuration    = "tcp.connection.duration"
	ConnectionTransmit    = "tcp.connection.io.transmit" // bytes of payload
	ConnectionReceive     = "tcp.connection.io.receive"  // bytes of payload
	ConnectionRetransmits = "tcp.connection.retransmits" // segments
)

// DropReason is why an event was dropped: an attribute of the receiver's telemetry
// about itself.
const DropReason = "reason"

// Values of [DropReason].
const (
	DropRateLimit   = "rate_limit"   // more than max_per_second
	DropBufferFull  = "buffer_full"  // the pipeline takes them more slowly than they come
	DropNotAccepted = "not_accepted" // by the pipeline, again and again
	DropRefused     = "refused"      // by the pipeline, for good
)
