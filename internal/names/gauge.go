// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// Metrics of what open connections look like at the end of the interval.
var (
	FlowRTTMin = Metric{
		Name: "tcp.flow.rtt_min", Kind: Gauge, Merge: MergeMin, Unit: Seconds, Enabled: true,
		Description: "Smallest of the minimum round-trip times that the kernel keeps for open connections.",
	}
	FlowQueueSend = Metric{
		Name: "tcp.flow.queue.send", Kind: Gauge, Merge: MergeSum, Unit: Bytes, Enabled: true,
		Description: "Written by the application and not yet acknowledged.",
	}
	FlowQueueUnsent = Metric{
		Name: "tcp.flow.queue.unsent", Kind: Gauge, Merge: MergeSum, Unit: Bytes, Enabled: true,
		Description: "Written by the application and not yet sent.",
	}
	FlowQueueReceive = Metric{
		Name: "tcp.flow.queue.receive", Kind: Gauge, Merge: MergeSum, Unit: Bytes, Enabled: true,
		Description: "Received and not yet read by the application.",
	}
	FlowReceiveBuffer = Metric{
		Name: "tcp.flow.receive_buffer", Kind: Gauge, Merge: MergeMin, Unit: Bytes, Enabled: true,
		Description: "Smallest receive buffer (sk_rcvbuf) of open connections, by whether the application has set it.",
		Attributes:  []string{BufferLocked},
	}
	FlowSendBuffer = Metric{
		Name: "tcp.flow.send_buffer", Kind: Gauge, Merge: MergeMin, Unit: Bytes, Enabled: true,
		Description: "Smallest send buffer (sk_sndbuf) of open connections, by whether the application has set it.",
		Attributes:  []string{BufferLocked},
	}
	FlowWindowScale = Metric{
		Name: "tcp.flow.window_scale", Kind: Gauge, Merge: MergeMin, Unit: Ratio, Enabled: true,
		Description: "Smallest window scale of open connections that have negotiated one: receive is this end's, transmit the peer's.",
		Attributes:  []string{IODirection},
	}
	FlowCongestionWindow = Metric{
		Name: "tcp.flow.congestion_window", Kind: Gauge, Merge: MergeMin, Unit: Segments,
		Description: "Smallest congestion window of open connections.",
	}
	FlowDeliveryRate = Metric{
		Name: "tcp.flow.delivery_rate", Kind: Gauge, Merge: MergeSum, Unit: BytesPerSecond,
		Description: "Sum of the delivery rates that the kernel last measured for open connections.",
	}
)
