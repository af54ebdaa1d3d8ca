// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// What splits a metric, and a role, may be any text. Their overflow is bounded, and adds up to all that was sent.
func TestOverflowIsBounded(t *testing.T) {
	for attribute, most := range map[string]int{names.ErrorType: 1000 + 1, names.HandshakeRole: 1} {
		t.Run(attribute, func(t *testing.T) { overflow(t, attribute, most) })
	}
}

func overflow(t *testing.T, attribute string, most int) {
	const limit, sent = 10, 5000
	cfg := CreateDefaultConfig().(*Config)
	cfg.Aggregate, cfg.MaxSeries = AggregateWorkload, limit
	r := newReducer(cfg, market(), "gateway", instant(1))
	for i := range sent {
		md := pmetric.NewMetrics()
		rm := md.ResourceMetrics().AppendEmpty()
		rm.Resource().Attributes().PutStr(names.HostName, "n1")
		rm.Resource().Attributes().PutStr(names.ContainerID, "c0ffee")
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName(names.FlowConnectionFailed.Name)
		sum := m.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		p := sum.DataPoints().AppendEmpty()
		p.SetStartTimestamp(second(2))
		p.SetTimestamp(second(3))
		p.SetIntValue(1)
		p.Attributes().PutStr(attribute, fmt.Sprint("any ", i))
		r.add(md.ResourceMetrics(), instant(3))
	}
	_, outputs := r.table.Len()
	assert.LessOrEqual(t, outputs, limit+most)
	told := int64(0)
	for _, d := range r.write("v", instant(4)) {
		for _, p := range sums(d.metrics) {
			told += p.IntValue()
		}
	}
	assert.EqualValues(t, sent, told)
}

func sums(md pmetric.Metrics) (all []pmetric.NumberDataPoint) {
	for _, rm := range md.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			for _, p := range m.Sum().DataPoints().All() {
				all = append(all, p)
			}
		}
	}
	return all
}
