// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/tcpinfo"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// booked are the sums that a test can know, and what splits them beside the role.
var booked = map[string]string{
	names.FlowIO.Name:               names.IODirection,
	names.FlowSegments.Name:         names.IODirection,
	names.FlowDataSegments.Name:     names.IODirection,
	names.FlowRetransmits.Name:      "",
	names.FlowConnectionOpened.Name: "",
	names.FlowConnectionClosed.Name: names.CloseReason,
}

// A ledger adds up sums over all flows, by metric, role and what splits it. What is
// nothing is not in it.
type ledger map[string]int64

func (t ledger) add(n int64, parts ...string) {
	if n != 0 {
		t[strings.TrimSpace(strings.Join(parts, " "))] += n
	}
}

// known adds up what applications did and what their sockets said last.
func known(t *testing.T, truths ...traffic.Truth) ledger {
	t.Helper()
	sum := ledger{}
	for _, truth := range truths {
		for role, end := range map[string]traffic.End{names.Client: truth.Client, names.Server: truth.Server} {
			i := end.Info
			require.EqualValues(t, tcpinfo.StateClose, i.State)
			sum.add(int64(end.Written), names.FlowIO.Name, role, names.Transmit)
			sum.add(int64(end.Read), names.FlowIO.Name, role, names.Receive)
			sum.add(int64(i.Segs_out), names.FlowSegments.Name, role, names.Transmit)
			sum.add(int64(i.Segs_in), names.FlowSegments.Name, role, names.Receive)
			sum.add(int64(i.Data_segs_out), names.FlowDataSegments.Name, role, names.Transmit)
			sum.add(int64(i.Data_segs_in), names.FlowDataSegments.Name, role, names.Receive)
			sum.add(int64(i.Total_retrans), names.FlowRetransmits.Name, role)
			sum.add(1, names.FlowConnectionOpened.Name, role)
			sum.add(1, names.FlowConnectionClosed.Name, role, names.CloseFIN)
		}
	}
	return sum
}

// exported adds up what left of this process's flows at an address: of each
// cumulative series the last point.
func exported(t *testing.T, sink *consumertest.MetricsSink, address string) ledger {
	t.Helper()
	type series struct{ name, instance, attributes string }
	last := make(map[series]pmetric.NumberDataPoint)
	for _, md := range sink.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			resource := rm.Resource().Attributes()
			if pid, ok := resource.Get(names.ProcessPID); !ok || pid.Int() != int64(os.Getpid()) {
				continue
			}
			for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
				if _, ok := booked[m.Name()]; !ok {
					continue
				}
				for _, p := range m.Sum().DataPoints().All() {
					last[series{m.Name(), attributesText(resource), attributesText(p.Attributes())}] = p
				}
			}
		}
	}
	sum := ledger{}
	for s, p := range last {
		if valueOf(p, names.SourceAddress) == address || valueOf(p, names.DestinationAddress) == address {
			sum.add(p.IntValue(), s.name, valueOf(p, names.HandshakeRole), valueOf(p, booked[s.name]))
		}
	}
	return sum
}

// valueOf is empty if the attribute is not there.
func valueOf(p pmetric.NumberDataPoint, name string) string {
	v, ok := p.Attributes().Get(name)
	if !ok {
		return ""
	}
	return v.Str()
}

func attributesText(m pcommon.Map) string {
	v := pcommon.NewValueMap()
	m.CopyTo(v.Map())
	return v.AsString()
}
