// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

// FlowProblem is what a person should look at: one for each fault.
const FlowProblem = "tcp.flow.problem"

// Attributes of [FlowProblem]. Times are ns since 1970.
const (
	ProblemID               = "tcp.problem.id"
	ProblemDisplayID        = "tcp.problem.display_id" // P-YYMMDD-nnn
	ProblemState            = "tcp.problem.state"      // open, update, close; acknowledged by who has seen it
	ProblemType             = "tcp.problem.type"
	ProblemTitle            = "tcp.problem.title"
	ProblemStartTime        = "tcp.problem.start_time"
	ProblemDetectedTime     = "tcp.problem.detected_time"
	ProblemAcknowledgedTime = "tcp.problem.acknowledged_time"
	ProblemAcknowledgedAuto = "tcp.problem.ack.auto" // nobody acknowledged it
	ProblemEndTime          = "tcp.problem.end_time"
	ProblemMTTA             = "tcp.problem.mtta_s"
	ProblemMTTR             = "tcp.problem.mttr_s"
	ProblemNode             = "tcp.problem.node"
	ProblemRemote           = "tcp.problem.remote"
	ProblemRootKind         = "tcp.problem.root_cause.kind"
	ProblemRootName         = "tcp.problem.root_cause.name"
	ProblemRootCluster      = "tcp.problem.root_cause.cluster" // of the first one of a pair; where it is known
	ProblemRootNamespace    = "tcp.problem.root_cause.namespace"
	ProblemRootSide         = "tcp.problem.root_cause.side"
	ProblemRootConfidence   = "tcp.problem.root_cause.confidence"
	ProblemRootEvidence     = "tcp.problem.root_cause.evidence"
	ProblemAdvice           = "tcp.problem.advice"
	ProblemAdviceID         = "tcp.problem.advice_id"
	ProblemCandidates       = "tcp.problem.candidates"
	ProblemAffectedCount    = "tcp.problem.affected.count"
	ProblemAffectedDirect   = "tcp.problem.affected.direct_count"
	ProblemAffectedServices = "tcp.problem.affected.services"
	ProblemMembers          = "tcp.problem.members"
	ProblemAnomalyCount     = "tcp.problem.anomaly_count"
	ProblemEdgesBad         = "tcp.problem.edges.bad"
	ProblemEdgesTotal       = "tcp.problem.edges.total"
	ProblemReopened         = "tcp.problem.reopened"
	ProblemMergedInto       = "tcp.problem.merged_into"
	// ProblemFilter is a condition on metrics' attributes that shows exactly the flows that
	// the problem is about.
	ProblemFilter = "tcp.problem.filter"
)

// ProblemAcknowledged is the value of [ProblemState] by which people say that they have seen a
// problem. It is never in a [FlowProblem].
const ProblemAcknowledged = "acknowledged"

// Metrics of the processor, for backends that take no events. Both ends are on their points.
var (
	FlowAnomalyCount = Metric{
		Name: "tcp.flow.anomaly.count", Kind: Sum, Unit: "{anomaly}", Enabled: true,
		Description: "Anomalies that were opened.", Attributes: []string{AnomalyType},
	}
	FlowProblemActive = Metric{
		Name: "tcp.flow.problem.active", Kind: Gauge, Merge: MergeSum, Unit: "{problem}", Enabled: true,
		Description: "Problems that are open.", Attributes: []string{ProblemType},
	}
)

// Values of [DropReason] of the processor's events, besides [DropNotAccepted] and
// [DropRefused].
const (
	DropQueueFull = "queue_full"       // the logs pipeline takes them more slowly than they come
	DropNoLogs    = "no_logs_pipeline" // no logs pipeline has the processor
)

// Values of [DropReason] of what detection did not use.
const (
	DropLate      = "late"      // the window had been judged
	DropNoRoom    = "no_room"   // more pairs than may be watched
	DropMalformed = "malformed" // a histogram whose bounds cannot be used
	DropEvicted   = "evicted"   // to make room for others
)

// rise is what an anomaly's value is of.
type rise struct{ metric, unit string }

var rises = map[string]rise{
	"tcp_retransmit_rise":       {FlowRetransmitEpisodes.Name, Ratio},
	"tcp_tail_loss":             {FlowRetransmitEpisodes.Name, Ratio},
	"tcp_spurious_retransmit":   {FlowRetransmitSpurious.Name, Ratio},
	"tcp_reordering":            {FlowRetransmitSpurious.Name, Ratio},
	"tcp_incast":                {FlowRetransmitEpisodes.Name, Ratio},
	"tcp_rtt_rise":              {FlowRTT.Name, Seconds},
	"tcp_jitter_rise":           {FlowRTTVariation.Name, Seconds},
	"tcp_syn_retransmit":        {FlowRetransmits.Name, Ratio},
	"tcp_reset_storm":           {FlowConnectionClosed.Name, Ratio},
	"tcp_nagle_delayed_ack":     {FlowNagleStalls.Name, Stalls},
	"tcp_receive_buffer_locked": {FlowReceiveBuffer.Name, Bytes},
	"tcp_window_scale_zero":     {FlowWindowScale.Name, Ratio},
	"tcp_zero_window":           {FlowTime.Name, Seconds},
	"tcp_send_buffer_limited":   {FlowTime.Name, Seconds},
	"tcp_accept_overflow":       {ListenerOverflows.Name, Connections},
	"tcp_connect_refused":       {FlowConnectionFailed.Name, Connections},
	"tcp_connect_timeout":       {FlowConnectionFailed.Name, Connections},
	"tcp_port_exhaustion":       {FlowConnectionFailed.Name, Connections},
	"tcp_idle_drop":             {FlowConnectionClosed.Name, Connections},
	"tcp_pmtu_blackhole":        {FlowQueueSend.Name, Bytes},
	"tcp_short_connections":     {FlowConnectionOpened.Name, Connections},
	"tcp_window_restart":        {FlowCongestionWindow.Name, Segments},
}

// Rise returns the metric, and the unit of the values, that a type of anomaly is of; of
// shares the unit is 1.
func Rise(anomalyType string) (metric, unit string) {
	r := rises[anomalyType]
	return r.metric, r.unit
}
