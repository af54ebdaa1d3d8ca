// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// Metrics of what goes wrong. A flow has a point of each from its first
// occurrence on.
var (
	FlowRetransmitEpisodes = Metric{
		Name: "tcp.flow.retransmit.episodes", Kind: Sum, Unit: Episodes, Enabled: true,
		Description: "Bursts of retransmissions of established connections: what was in flight when the first segment was sent again belongs to it.",
	}
	FlowRetransmitSpurious = Metric{
		Name: "tcp.flow.retransmit.spurious", Kind: Sum, Unit: Segments, Enabled: true,
		Description: "Segments that were retransmitted for nothing, as the peer says (DSACK).",
	}
	FlowOutOfOrder = Metric{
		Name: "tcp.flow.out_of_order", Kind: Sum, Unit: Segments, Enabled: true,
		Description: "Segments that arrived out of order.",
	}
	FlowZeroWindowProbes = Metric{
		Name: "tcp.flow.zero_window.probes", Kind: Sum, Unit: Probes, Enabled: true,
		Description: "Probes of a peer whose receive window is too small to send anything, as far as the timer's state tells at each interval's end and at close.",
	}
	FlowNagleStalls = Metric{
		Name: "tcp.flow.nagle.stalls", Kind: Sum, Unit: Stalls, Enabled: true,
		Description: "Round trips in which a small write waited for the acknowledgement of the one before.",
	}
	FlowNagleStallTime = Metric{
		Name: "tcp.flow.nagle.stall_time", Kind: Sum, Unit: Seconds, Enabled: true,
		Description: "Time that small writes waited for the acknowledgement of the one before.",
	}
	FlowCorkStalls = Metric{
		Name: "tcp.flow.cork.stalls", Kind: Sum, Unit: Stalls, Enabled: true,
		Description: "Round trips after which a small write still waited, because the application wants it to (TCP_CORK).",
	}
	Resets = Metric{
		Name: "tcp.resets", Kind: Sum, Unit: Segments, Enabled: true,
		Description: "Resets that ended a connection or refused one, and those that this host sent for no connection, such as from a port at which nobody listens: these are the host's own. Why one was sent, the kernel tells since Linux 6.10.",
		Attributes:  []string{IODirection, ResetReason},
	}
)
