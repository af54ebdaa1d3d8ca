// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// The way from two agents through a gateway, on any kernel: flows come by OTLP instead of
// from the kernel. Agents, processes and the flows' peers change; the sums stay right.
func TestGatewayAddsUpWhatTwoAgentsForward(t *testing.T) {
	ns := netns.New(t)
	folder := t.TempDir()
	linkConfigurations(t, folder)
	gateway := binary(t, ns, folder, gatewayConfiguration, "processors::tcp_anomaly::interval: 1s")
	gateway.awaitReady()
	agents := []*forwarder{startForwarder(t, ns, 1), startForwarder(t, ns, 2)}

	start := time.Now()
	want := 0.0
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Microsecond) } // never ahead
	for pid, agent := range []*forwarder{agents[0], agents[1], agents[0]} {
		for n := 1; n <= 3; n++ {
			agent.send(flowOf(pid, start, at(n), 100*n))
		}
		want += 300
	}
	agents[0].send(flowOf(0, start, at(2), 200)) // late
	agents[0].send(flowOf(0, start, at(3), 300)) // twice
	labels := []string{`source_workload_name="web"`, `destination_workload_name="orders"`, `network_tcp_handshake_role="client"`}
	gateway.requireSum(want, "tcp_flow_io_bytes_total{", labels)

	agents[0].signal(syscall.SIGTERM)
	require.NoError(t, agents[0].awaitExit())
	agents[0] = startForwarder(t, ns, 1)
	agents[0].send(flowOf(0, at(4), at(5), 7)) // began anew
	agents[1].send(flowOf(1, start, at(5), 350))
	gateway.requireSum(want+7+50, "tcp_flow_io_bytes_total{", labels)
	_, page := gateway.get("127.0.0.1:9464", "/metrics")
	require.Len(t, values(page, "tcp_flow_io_bytes_total{"), 1)
	require.NotContains(t, page, "process_pid")
	require.NotContains(t, page, "192.0.2.")
}

// A forwarder is an agent whose flows come by OTLP.
type forwarder struct {
	*collector
	otlp string
}

func startForwarder(t *testing.T, ns *netns.NS, n int) *forwarder {
	t.Helper()
	health, otlp := fmt.Sprint("127.0.0.1:1314", n), fmt.Sprint("127.0.0.1:1431", n)
	c := binary(t, ns, t.TempDir(), agentConfiguration,
		"extensions::health_check::endpoint: "+health,
		"receivers::otlp::protocols::http::endpoint: "+otlp,
		"service::pipelines::metrics::receivers: [otlp]")
	c.await("healthy", func() bool {
		status, _ := c.get(health, "/")
		return status == http.StatusOK
	})
	return &forwarder{c, otlp}
}

func (f *forwarder) send(md pmetric.Metrics) {
	f.t.Helper()
	body, err := new(pmetric.ProtoMarshaler).MarshalMetrics(md)
	require.NoError(f.t, err)
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return f.ns.Dial(f.otlp) },
	}}
	response, err := client.Post("http://"+f.otlp+"/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
	require.NoError(f.t, err)
	defer response.Body.Close()
	require.Equal(f.t, http.StatusOK, response.StatusCode)
}

// flowOf is what a process of web sent to orders from one time to another.
func flowOf(pid int, since, until time.Time, sent int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutInt("process.pid", int64(pid))
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("tcp.flow.io")
	m.SetUnit("By")
	m.SetEmptySum().SetIsMonotonic(true)
	m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	p := m.Sum().DataPoints().AppendEmpty()
	for _, pair := range []string{
		"source.address=192.0.2.1", "destination.address=192.0.2.2", "network.io.direction=transmit", "network.tcp.handshake.role=client",
	} {
		key, value, _ := strings.Cut(pair, "=")
		p.Attributes().PutStr(key, value)
	}
	p.SetStartTimestamp(pcommon.NewTimestampFromTime(since))
	p.SetTimestamp(pcommon.NewTimestampFromTime(until))
	p.SetIntValue(int64(sent))
	return md
}
