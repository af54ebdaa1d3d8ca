// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// Metrics of listeners, which have no peer.
var (
	ListenerQueueLength = Metric{
		Name: "tcp.listener.queue.length", Kind: Gauge, Merge: MergeMax, Unit: Connections, Enabled: true,
		Description: "Established connections that wait to be accepted, at the end of the interval.",
	}
	ListenerQueueLimit = Metric{
		Name: "tcp.listener.queue.limit", Kind: Gauge, Merge: MergeMax, Unit: Connections, Enabled: true,
		Description: "Limit of the accept queue. One connection more has room.",
	}
	ListenerOverflows = Metric{
		Name: "tcp.listener.overflows", Kind: Sum, Unit: Connections, Enabled: true,
		Description: "Connection requests that the listener dropped, as a rule because its accept queue was full. A client's retries count again.",
	}
)
