// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A resource with more series than a gRPC server takes at once is told in several deliveries, each series once: also
// with the names of Kubernetes and histograms, which are several times as large as a number by its address.
func TestALargeResourceIsSeveralDeliveries(t *testing.T) {
	for name, test := range map[string]struct {
		series    int
		level     Aggregate
		directory town
		metric    string
		value     string
	}{
		"numbers of addresses": {20_000, AggregateWorkload, market(), "tcp.flow.io sum", "1"},
		"histograms of pods":   {5_000, AggregatePod, street(), "tcp.flow.rtt exponential", "sum 0.2 scale 2 offset -8 [ 1 ]"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := CreateDefaultConfig().(*Config)
			cfg.Aggregate = test.level
			cfg.Attributes.Include = []string{"destination.address"}
			r := newReducer(cfg, test.directory, "gateway", instant(0))
			var b strings.Builder
			fmt.Fprintf(&b, "resource {host.name=h process.pid=1(Int)}\n%s cumulative\n", test.metric)
			for i := range test.series {
				fmt.Fprintf(&b, "  {source.address=10.0.0.1 destination.address=10.1.%d.%d destination.port=1(Int) network.tcp.handshake.role=client} 5s..10s %s\n",
					i/250, i%250, test.value)
			}
			r.add(parse(t, b.String()).ResourceMetrics(), instant(10))
			deliveries := r.write("", instant(11))
			require.Greater(t, len(deliveries), 1)
			told := make(map[string]bool)
			for _, d := range deliveries {
				bytes, err := new(pmetric.ProtoMarshaler).MarshalMetrics(d.metrics)
				require.NoError(t, err)
				assert.Less(t, len(bytes), 4<<20)
				assert.Less(t, len(bytes), d.bytes)
				assert.Equal(t, len(d.outputs), d.metrics.DataPointCount())
				eachPoint(d.metrics.ResourceMetrics().At(0), func(_ *names.Metric, attributes pcommon.Map, _ pcommon.Timestamp) {
					told[text(attributes, "destination.address")] = true
				})
			}
			assert.Len(t, told, test.series)
		})
	}
}

// street is where each address is of a pod with names as long as those of a cloud's clusters are.
func street() town {
	common := &identity.Common{
		Cluster: "production-eu", Namespace: "online-shop-frontend", Workload: identity.Workload{Kind: "Deployment", Name: "checkout-recommendation"},
		ServiceName: "checkout-recommendation", ServiceNamespace: "online-shop-frontend",
	}
	place := &identity.Place{Node: "ip-10-0-12-34.eu-central-1.compute.internal", Zone: "eu-central-1a"}
	return town{
		local: func(identity.Local, uint64) *identity.Identity { return web },
		remote: func(address netip.AddrPort, _ uint64) *identity.Identity {
			pod := "checkout-recommendation-7c9f8d6b5d-" + address.Addr().String()
			return &identity.Identity{Kind: identity.KindPod, Pod: pod, Common: common, Place: place}
		},
	}
}
