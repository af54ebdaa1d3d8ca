// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// NATResult is what was found behind an address: an attribute of the receiver's
// telemetry about itself.
const NATResult = "result"

// Values of [NATResult].
const (
	NATTranslated   = "translated"
	NATUntranslated = "untranslated"
	NATUnknown      = "unknown"
	NATNotLookedFor = "not_looked_for" // too many connections at once
)

// NATLoss is why something about a translated connection was lost: an attribute of the
// receiver's telemetry about itself.
const NATLoss = "reason"

// Values of [NATLoss].
const (
	NATBufferFull = "buffer_full" // the kernel's, of events
	NATTableFull  = "table_full"
	NATMalformed  = "malformed" // a message of the kernel
)
