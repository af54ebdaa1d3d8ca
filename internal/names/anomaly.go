// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// FlowAnomaly is evidence: a series rose, or a fault rule matched. It is not a page.
const FlowAnomaly = "tcp.flow.anomaly"

// Attributes of [FlowAnomaly], besides those of both ends. Times are ns since 1970.
const (
	AnomalyID           = "tcp.anomaly.id"
	AnomalyType         = "tcp.anomaly.type"
	AnomalyState        = "tcp.anomaly.state"        // open, update, close
	AnomalyCloseReason  = "tcp.anomaly.close_reason" // recovered, stale, expired, evicted
	AnomalyChange       = "tcp.anomaly.change"       // rise, drop, absolute
	AnomalyMetric       = "tcp.anomaly.metric"
	AnomalyUnit         = "tcp.anomaly.unit"
	AnomalyBaseline     = "tcp.anomaly.baseline"
	AnomalyValue        = "tcp.anomaly.value"
	AnomalyPeak         = "tcp.anomaly.peak"
	AnomalyRatio        = "tcp.anomaly.ratio"
	AnomalyEvidence     = "tcp.anomaly.evidence" // log-likelihood ratio, nats
	AnomalyThreshold    = "tcp.anomaly.threshold"
	AnomalySamples      = "tcp.anomaly.samples"
	AnomalyResolution   = "tcp.anomaly.resolution"
	AnomalyStartTime    = "tcp.anomaly.start_time"
	AnomalyDetectedTime = "tcp.anomaly.detected_time"
	AnomalyEndTime      = "tcp.anomaly.end_time"
	AnomalySide         = "tcp.anomaly.side" // sender, receiver, path, listener
)
