// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// A resource with more series than a gRPC server takes at once is told in several deliveries, each series once.
func TestALargeResourceIsSeveralDeliveries(t *testing.T) {
	const series = 3*deliveryPoints - 1
	cfg := CreateDefaultConfig().(*Config)
	cfg.Aggregate = AggregateWorkload
	cfg.Attributes.Include = []string{"destination.address"}
	r := newReducer(cfg, market(), "gateway", instant(0))
	var b strings.Builder
	b.WriteString("resource {host.name=h process.pid=1(Int)}\ntcp.flow.io sum cumulative\n")
	for i := range series {
		fmt.Fprintf(&b, "  {source.address=10.0.0.1 destination.address=10.1.%d.%d destination.port=1(Int) network.tcp.handshake.role=client} 5s..10s 1\n", i/250, i%250)
	}
	r.add(parse(t, b.String()).ResourceMetrics(), instant(10))
	deliveries := r.write("", instant(11))
	require.Len(t, deliveries, 3)
	told := make(map[string]bool)
	for _, d := range deliveries {
		bytes, err := new(pmetric.ProtoMarshaler).MarshalMetrics(d.metrics)
		require.NoError(t, err)
		assert.Less(t, len(bytes), 4<<20)
		assert.Equal(t, len(d.outputs), d.metrics.DataPointCount())
		points := d.metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints()
		for _, point := range points.All() {
			told[text(point.Attributes(), "destination.address")] = true
		}
	}
	assert.Len(t, told, series)
}
