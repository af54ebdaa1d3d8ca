// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// Values of [CloseReason].
const (
	CloseFIN           = "fin"
	CloseResetSent     = "reset_sent"
	CloseResetReceived = "reset_received"
	CloseTimeout       = "timeout"
)

// Values of [ErrorType].
const (
	ErrorOther              = "_OTHER" // as the conventions have it
	ErrorConnectionRefused  = "connection_refused"
	ErrorTimedOut           = "timed_out"
	ErrorHostUnreachable    = "host_unreachable"
	ErrorNetworkUnreachable = "network_unreachable"
	ErrorReset              = "reset"
	ErrorNoAddress          = "address_not_available" // no local port left
	ErrorAborted            = "aborted"               // by its owner
)

// Values of [LostReason].
const (
	LostOverflow         = "overflow"          // no room for a flow of its own
	LostRecursion        = "recursion"         // a tracing program was skipped
	LostCallbacksCleared = "callbacks_cleared" // another program switched ours off
	LostSweepSkipped     = "sweep_skipped"     // live, but not visited by the sweep
	LostPredates         = "predates"          // established before the receiver attached
	LostNotFound         = "not_found"         // the same, and nobody found it: told at its end
	LostNoStorage        = "no_storage"        // no memory for the socket's record
	LostOwnerTable       = "owner_table"       // no room for the record of its process
	LostDeferred         = "deferred"          // no memory for its flow: what it did comes with a later interval
)
