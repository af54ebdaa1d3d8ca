// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"
	"net/netip"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

var (
	roles      = [...]string{flow.RoleClient: names.Client, flow.RoleServer: names.Server, flow.RoleListener: names.Server}
	directions = [...]string{flow.Transmit: names.Transmit, flow.Receive: names.Receive}

	closeReasons = [...]string{
		flow.CloseFIN:           names.CloseFIN,
		flow.CloseResetSent:     names.CloseResetSent,
		flow.CloseResetReceived: names.CloseResetReceived,
		flow.CloseTimeout:       names.CloseTimeout,
	}
	retransmitKinds = [...]string{
		flow.RetransmitUnknown:       names.RetransmitUnknown,
		flow.RetransmitFast:          names.RetransmitFast,
		flow.RetransmitTimeout:       names.RetransmitTimeout,
		flow.RetransmitTailLossProbe: names.RetransmitTailLossProbe,
		flow.RetransmitSYN:           names.RetransmitSYN,
	}
	failures = [...]string{
		flow.FailureOther:              names.ErrorOther,
		flow.FailureRefused:            names.ErrorConnectionRefused,
		flow.FailureTimedOut:           names.ErrorTimedOut,
		flow.FailureHostUnreachable:    names.ErrorHostUnreachable,
		flow.FailureNetworkUnreachable: names.ErrorNetworkUnreachable,
		flow.FailureReset:              names.ErrorReset,
		flow.FailureNoAddress:          names.ErrorNoAddress,
		flow.FailureAborted:            names.ErrorAborted,
	}
	phases = [...]string{
		flow.PhaseIdle:                 names.PhaseIdle,
		flow.PhaseNetworkLimited:       names.PhaseNetworkLimited,
		flow.PhaseReceiveWindowLimited: names.PhaseReceiveWindowLimited,
		flow.PhaseSendBufferLimited:    names.PhaseSendBufferLimited,
	}
	lostReasons = [...]string{
		flow.LostOverflow:         names.LostOverflow,
		flow.LostRecursion:        names.LostRecursion,
		flow.LostCallbacksCleared: names.LostCallbacksCleared,
		flow.LostSweepSkipped:     names.LostSweepSkipped,
		flow.LostPredates:         names.LostPredates,
		flow.LostNotFound:         names.LostNotFound,
		flow.LostNoStorage:        names.LostNoStorage,
		flow.LostOwnerTable:       names.LostOwnerTable,
		flow.LostDeferred:         names.LostDeferred,
	}
)

// describeFlow writes the attributes that all data points of a flow have.
func describeFlow(attributes pcommon.Map, key flow.Key) {
	if key.Overflow {
		attributes.PutStr(names.NetworkTransport, names.TCP)
		attributes.PutBool(names.MetricOverflow, true)
		return
	}
	attributes.EnsureCapacity(9)
	putEnd(attributes, names.SourceAddress, key.Local, names.SourcePort, key.LocalPort)
	putEnd(attributes, names.DestinationAddress, key.Remote, names.DestinationPort, key.RemotePort)
	if peer := key.Translated.AddrPort(); peer.IsValid() {
		putEnd(attributes, names.DestinationNATAddress, peer.Addr(), names.DestinationNATPort, peer.Port())
	}
	attributes.PutStr(names.NetworkType, networkType(key.Local))
	attributes.PutStr(names.NetworkTransport, names.TCP)
	putKnown(attributes, names.HandshakeRole, roles[key.Role])
	if pair := key.Translated.Pair(); pair != 0 {
		attributes.PutStr(names.FlowPair, fmt.Sprintf("%016x", pair))
	}
}

func putEnd(attributes pcommon.Map, addressKey string, address netip.Addr, portKey string, port uint16) {
	if address.IsValid() {
		attributes.PutStr(addressKey, address.String())
	}
	if port != 0 {
		attributes.PutInt(portKey, int64(port))
	}
}

func networkType(address netip.Addr) string {
	if address.Is4() {
		return names.IPv4
	}
	return names.IPv6
}
