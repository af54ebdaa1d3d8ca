// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// Data point attributes that identify a flow. The source is the observing end,
// the destination its peer.
const (
	SourceAddress      = "source.address"
	SourcePort         = "source.port"
	DestinationAddress = "destination.address"
	DestinationPort    = "destination.port"
	NetworkType        = "network.type"
	NetworkTransport   = "network.transport"
	// HandshakeRole is own: the conventions have no attribute for it yet.
	HandshakeRole = "network.tcp.handshake.role"
	// MetricOverflow is what the metrics SDK specification sets on the point
	// that takes in what exceeds a cardinality limit.
	MetricOverflow = "otel.metric.overflow"
)

// Data point attributes that split one flow's metric.
const (
	IODirection     = "network.io.direction"
	ConnectionState = "network.connection.state"
	RetransmitType  = "network.tcp.retransmit.type" // own
	CloseReason     = "tcp.close.reason"            // own
	LostReason      = "reason"                      // own
	ResetReason     = "tcp.reset.reason"            // own; the kernel's words
	ErrorType       = "error.type"
	FlowPhase       = "tcp.flow.phase"    // own
	BufferLocked    = "tcp.buffer.locked" // own; boolean
)

// Attributes of the receiver's telemetry about itself. A job is no "job", which is
// what Prometheus calls a target's label.
const (
	Hook         = "hook"
	HookDegraded = "degraded"
	HookJob      = "hook_job"
	Map          = "map"
	Program      = "program"
)

// IdentitySource is where the processor's names come from: an attribute of its telemetry
// about itself.
const IdentitySource = "identity_source"

// Values of [IdentitySource].
const (
	IdentityStatic     = "static"
	IdentityKubernetes = "kubernetes"
)

// NoHook is the value of [Hook] for a job that is not done.
const NoHook = "none"

// Values of [NetworkType] and [NetworkTransport].
const (
	IPv4 = "ipv4"
	IPv6 = "ipv6"
	TCP  = "tcp"
)

// Values of [HandshakeRole]. The attribute is absent where the role is unknown.
const (
	Client = "client"
	Server = "server"
)

// Values of [IODirection], as seen from the source.
const (
	Transmit = "transmit"
	Receive  = "receive"
)

// Values of [RetransmitType].
const (
	RetransmitUnknown       = "unknown" // nobody saw it happen
	RetransmitFast          = "fast"
	RetransmitTimeout       = "timeout"
	RetransmitTailLossProbe = "tail_loss_probe"
	RetransmitSYN           = "syn"
)

// Values of [FlowPhase].
const (
	PhaseIdle                 = "idle" // nothing to send
	PhaseNetworkLimited       = "network_limited"
	PhaseReceiveWindowLimited = "receive_window_limited"
	PhaseSendBufferLimited    = "send_buffer_limited"
)
