// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// Metrics of connections' lives.
var (
	FlowConnectionFailed = Metric{
		Name: "tcp.flow.connection.failed", Kind: Sum, Unit: Connections, Enabled: true,
		Description: "Connections that were never established. One that its owner gave up is aborted, which is no fault.",
		Attributes:  []string{ErrorType},
	}
	FlowConnectionSetupDuration = Metric{
		Name: "tcp.flow.connection.setup_duration", Kind: Histogram, Bounds: SetupBounds, Unit: Seconds, Enabled: true,
		Description: "Time from the client's SYN to the establishment of the connection.",
	}
	FlowConnectionDuration = Metric{
		Name: "tcp.flow.connection.duration", Kind: Histogram, Bounds: DurationBounds, Unit: Seconds,
		Description: "Time from the establishment of a connection to its end.",
	}
	FlowConnectionAwaiting = Metric{
		Name: "tcp.flow.connection.awaiting", Kind: Gauge, Merge: MergeSum, Unit: Connections, Enabled: true,
		Description: "Client connections whose last act was to send, all of it acknowledged, and to which no answer has come. One that sends what nobody answers (a log shipper, HTTP/2 in between) is one, too.",
	}
	FlowExchanges = Metric{
		Name: "tcp.flow.exchanges", Kind: Sum, Unit: Exchanges, Enabled: true,
		Description: "Requests with their answers: changes of direction there and back, where the application reads one before it writes the other.",
	}
	FlowTime = Metric{
		Name: "tcp.flow.time", Kind: Sum, Unit: Seconds, Enabled: true,
		Description: "Time of open connections, by what they spend it with; phases add up to it. The kernel counts phases in jiffies.",
		Attributes:  []string{FlowPhase},
	}
)
