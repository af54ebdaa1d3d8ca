// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// A Kind is the OTLP data type of a metric.
type Kind string

// Kinds of metrics. Sums and histograms are cumulative, sums monotonic.
const (
	Sum       Kind = "sum"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// A Merge says how gauges of several flows become one. Sums and histograms add up.
type Merge string

// Ways to merge gauges.
const (
	MergeSum Merge = "sum"
	MergeMin Merge = "min"
	MergeMax Merge = "max"
)

// A Metric describes one metric of the receiver.
type Metric struct {
	Name        string
	Kind        Kind
	Unit        string // UCUM
	Description string
	// Attributes split the metric beyond the attributes of the flow.
	Attributes []string
	// Merge is set for gauges only.
	Merge Merge
	// Bounds are those of the explicit histogram; set for histograms only.
	Bounds func() []float64
	// PerHost metrics describe the observation itself: one series per host,
	// without the attributes of a flow.
	PerHost bool
	// Enabled is the default of the user's switch.
	Enabled bool
}

// Units of the receiver's metrics.
const (
	Bytes       = "By"
	Seconds     = "s"
	Segments    = "{segment}"
	Connections = "{connection}"
	Ratio       = "1"

	BytesPerSecond = "By/s"
	Episodes       = "{episode}"
	Exchanges      = "{exchange}"
	Probes         = "{probe}"
	Stalls         = "{stall}"
)

// Metrics of the receiver.
var (
	FlowIO = Metric{
		Name: "tcp.flow.io", Kind: Sum, Unit: Bytes, Enabled: true,
		Description: "Application payload. Retransmitted bytes are not counted again, SYN and FIN are no bytes.",
		Attributes:  []string{IODirection},
	}
	FlowSegments = Metric{
		Name: "tcp.flow.segments", Kind: Sum, Unit: Segments, Enabled: true,
		Description: "TCP segments, retransmissions included.",
		Attributes:  []string{IODirection},
	}
	FlowDataSegments = Metric{
		Name: "tcp.flow.data_segments", Kind: Sum, Unit: Segments, Enabled: true,
		Description: "TCP segments that carry data, retransmissions included: the denominator of the retransmit ratio.",
		Attributes:  []string{IODirection},
	}
	FlowRetransmits = Metric{
		Name: "tcp.flow.retransmits", Kind: Sum, Unit: Segments, Enabled: true,
		Description: "Retransmitted TCP segments, by kind. All kinds together are the kernel's total_retrans.",
		Attributes:  []string{RetransmitType},
	}
	FlowRTT = Metric{
		Name: "tcp.flow.rtt", Kind: Histogram, Bounds: RTTBounds, Unit: Seconds, Enabled: true,
		Description: "Round-trip time: the kernel's own sample, once per round trip of acknowledged data.",
	}
	FlowRTTVariation = Metric{
		Name: "tcp.flow.rtt_variation", Kind: Histogram, Bounds: RTTBounds, Unit: Seconds, Enabled: true,
		Description: "Jitter: the kernel's mean deviation of the round-trip time (tcpi_rttvar) at each of its samples.",
	}
	FlowReceiveWindow = Metric{
		Name: "tcp.flow.receive_window", Kind: Histogram, Bounds: WindowBounds, Unit: Bytes, Enabled: true,
		Description: "Receive window that this end advertises, at each round-trip sample, and once per sweep on sockets that had none.",
	}
	FlowSendWindow = Metric{
		Name: "tcp.flow.send_window", Kind: Histogram, Bounds: WindowBounds, Unit: Bytes, Enabled: true,
		Description: "Receive window that the peer advertises, at each round-trip sample, and once per sweep on sockets that had none.",
	}
	FlowConnectionCount = Metric{
		Name: "tcp.flow.connection.count", Kind: Gauge, Merge: MergeSum, Unit: Connections, Enabled: true,
		Description: "Open connections by state at the end of the interval.",
		Attributes:  []string{ConnectionState},
	}
	FlowConnectionOpened = Metric{
		Name: "tcp.flow.connection.opened", Kind: Sum, Unit: Connections, Enabled: true,
		Description: "Connections established.",
	}
	FlowConnectionClosed = Metric{
		Name: "tcp.flow.connection.closed", Kind: Sum, Unit: Connections, Enabled: true,
		Description: "Established connections that ended.",
		Attributes:  []string{CloseReason},
	}
	FlowCoverage = Metric{
		Name: "tcp.flow.coverage", Kind: Gauge, Merge: MergeMin, Unit: Ratio, Enabled: true, PerHost: true,
		Description: "Share of this host's TCP connections that the interval's export describes in full; 1 means that nothing was missed.",
	}
	FlowLost = Metric{
		Name: "tcp.flow.lost", Kind: Sum, Unit: Connections, Enabled: true, PerHost: true,
		Description: "Connections not described in full, and why.",
		Attributes:  []string{LostReason},
	}
)

// Metrics returns all metrics of the receiver in the order of their export.
func Metrics() []Metric {
	return []Metric{
		FlowIO, FlowSegments, FlowDataSegments,
		FlowRetransmits, FlowRetransmitEpisodes, FlowRetransmitSpurious, FlowOutOfOrder,
		FlowRTT, FlowRTTVariation, FlowRTTMin, FlowReceiveWindow, FlowSendWindow,
		FlowConnectionCount, FlowConnectionOpened, FlowConnectionClosed, FlowConnectionFailed,
		FlowConnectionSetupDuration, FlowConnectionDuration,
		FlowQueueSend, FlowQueueUnsent, FlowQueueReceive, FlowTime,
		FlowConnectionAwaiting, FlowExchanges,
		FlowZeroWindowProbes, FlowNagleStalls, FlowNagleStallTime, FlowCorkStalls,
		FlowReceiveBuffer, FlowSendBuffer, FlowWindowScale, FlowCongestionWindow, FlowDeliveryRate,
		Resets,
		ListenerQueueLength, ListenerQueueLimit, ListenerOverflows,
		FlowCoverage, FlowLost,
	}
}
