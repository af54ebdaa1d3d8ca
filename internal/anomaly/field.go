// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A reading says what a metric's points tell the engine: by the value of the attribute that
// splits the metric, or by itself.
type reading struct {
	attribute string
	values    map[string]engine.Field
	field     engine.Field // of other values, and of metrics that nothing splits
}

func all(field engine.Field) reading { return reading{field: field} }

func by(attribute string, values map[string]engine.Field) reading {
	return reading{attribute: attribute, values: values}
}

var readings = map[string]reading{
	names.FlowIO.Name:           by(names.IODirection, map[string]engine.Field{names.Transmit: engine.Sent, names.Receive: engine.Received}),
	names.FlowDataSegments.Name: by(names.IODirection, map[string]engine.Field{names.Transmit: engine.DataSegments}),
	names.FlowRetransmits.Name: {attribute: names.RetransmitType, field: engine.RetransmitUnknown, values: map[string]engine.Field{
		names.RetransmitFast: engine.RetransmitFast, names.RetransmitTimeout: engine.RetransmitTimeout,
		names.RetransmitTailLossProbe: engine.RetransmitProbe, names.RetransmitSYN: engine.RetransmitSYN,
	}},
	names.FlowRetransmitEpisodes.Name: all(engine.Episodes),
	names.FlowRetransmitSpurious.Name: all(engine.Spurious),
	names.FlowOutOfOrder.Name:         all(engine.OutOfOrder),
	names.FlowConnectionOpened.Name:   all(engine.Opened),
	names.FlowConnectionClosed.Name: {attribute: names.CloseReason, field: engine.ClosedFIN, values: map[string]engine.Field{
		names.CloseResetSent: engine.ClosedResetSent, names.CloseResetReceived: engine.ClosedResetReceived,
		names.CloseTimeout: engine.ClosedTimeout,
	}},
	names.FlowConnectionFailed.Name: {attribute: names.ErrorType, field: engine.FailedOtherwise, values: map[string]engine.Field{
		names.ErrorConnectionRefused: engine.FailedRefused, names.ErrorTimedOut: engine.FailedTimeout,
		names.ErrorHostUnreachable: engine.FailedUnreachable, names.ErrorNetworkUnreachable: engine.FailedUnreachable,
		names.ErrorReset: engine.FailedReset, names.ErrorNoAddress: engine.FailedNoAddress, names.ErrorAborted: engine.FailedAborted,
	}},
	names.FlowTime.Name: by(names.FlowPhase, map[string]engine.Field{
		names.PhaseIdle: engine.TimeIdle, names.PhaseNetworkLimited: engine.TimeNetworkLimited,
		names.PhaseReceiveWindowLimited: engine.TimeReceiveWindowLimited, names.PhaseSendBufferLimited: engine.TimeSendBufferLimited,
	}),
	names.FlowExchanges.Name:          all(engine.Exchanges),
	names.FlowZeroWindowProbes.Name:   all(engine.Probes),
	names.FlowNagleStalls.Name:        all(engine.Stalls),
	names.FlowNagleStallTime.Name:     all(engine.StallTime),
	names.FlowCorkStalls.Name:         all(engine.Corks),
	names.ListenerOverflows.Name:      all(engine.Overflows),
	names.ListenerQueueLength.Name:    all(engine.QueueLength),
	names.ListenerQueueLimit.Name:     all(engine.QueueLimit),
	names.FlowConnectionCount.Name:    by(names.ConnectionState, map[string]engine.Field{names.Established: engine.Established}),
	names.FlowConnectionAwaiting.Name: all(engine.Awaiting),
	names.FlowQueueSend.Name:          all(engine.SendQueue),
	names.FlowQueueReceive.Name:       all(engine.ReceiveQueue),
	names.FlowWindowScale.Name:        by(names.IODirection, map[string]engine.Field{names.Receive: engine.ReceiveScale, names.Transmit: engine.SendScale}),
	names.FlowCongestionWindow.Name:   all(engine.CongestionWindow),
	names.FlowDeliveryRate.Name:       all(engine.DeliveryRate),
	names.FlowRTTMin.Name:             all(engine.MinRTT),
	names.FlowRTT.Name:                all(engine.RTT),
	names.FlowRTTVariation.Name:       all(engine.Variation),
	names.FlowReceiveBuffer.Name:      by(names.BufferLocked, map[string]engine.Field{"true": engine.LockedReceiveBuffer, "false": engine.ReceiveBuffer}),
	names.FlowSendBuffer.Name:         by(names.BufferLocked, map[string]engine.Field{"true": engine.LockedSendBuffer, "false": engine.SendBuffer}),
}

// fieldOf says what a point of a metric tells the engine, if anything.
func fieldOf(metric string, attributes pcommon.Map) engine.Field {
	if _, overflow := attributes.Get(names.MetricOverflow); overflow {
		return engine.None // of whom it is nobody knows
	}
	r := readings[metric]
	if r.attribute == "" {
		return r.field
	}
	if value, ok := attributes.Get(r.attribute); ok {
		if field, ok := r.values[value.AsString()]; ok {
			return field
		}
	}
	return r.field
}

// Watched tells whether detection reads a point of a metric.
func Watched(metric string, attributes pcommon.Map) bool {
	return fieldOf(metric, attributes) != engine.None
}
