// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

import "time"

// An EventKind says what happened to a connection.
type EventKind uint8

// Kinds of events. Values are those of the kernel side.
const (
	EventFailed EventKind = iota // it was never established
	EventReset                   // it was established, and reset
	NumEventKinds
)

// An Event is what happened to one connection.
type Event struct {
	Kind  EventKind
	Key   Key // with both ports, whatever the granularity
	Owner Owner
	Time  uint64 // ns of CLOCK_MONOTONIC
	// Age is the time since the connection was established, or tried; since it was
	// adopted if it is older than the observation; 0 if unknown.
	Age         time.Duration
	Bytes       [NumDirections]uint64 // application payload
	Retransmits uint32                // segments; of a failed connection its SYN
	Failure     Failure               // of EventFailed
	Close       CloseReason           // of EventReset: one of the resets
}

// EventDrops are events that the kernel side did not hand out since it was opened.
type EventDrops struct {
	Limited uint64 // above the limit
	Full    uint64 // no room in the buffer
}
