// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// A way is how flows come into Prometheus, and what is said of this way only.
type way struct {
	name, configuration string
	features            []string // of the server
	also                func(server, market)
}

const (
	push     = "../../config/prometheus.yaml"
	fromZero = "created-timestamp-zero-ingestion"
	// The collector sees the whole machine. With all of a busy one's flows a page
	// takes longer than a scrape may at these intervals.
	onlyMarket = "receivers::ebpf_tcp::include: [{processes: [" + clientName + ", " + serverName + "]}]"
)

func TestPrometheusTellsProcessesApart(t *testing.T) {
	for _, way := range []way{
		{"pull", quickstart, nil, func(server, market) {}},
		{"push", push, nil, server.requireTargets},
		{"pull from zero", quickstart, []string{fromZero}, server.requireZero},
		{"push from zero", push, []string{fromZero}, server.requireZero},
	} {
		t.Run(way.name, func(t *testing.T) {
			ns := netns.New(t)
			s := startServer(t, ns, way.features...)
			c := binary(t, ns, t.TempDir(), way.configuration, "receivers::ebpf_tcp::collection_interval: 200ms", onlyMarket)
			c.awaitReady()
			m := openMarket(t, ns)

			s.requireTotals(m)
			s.requireRoundTrips(m)
			s.requireTypes()
			s.requireQueries()
			s.requireCoverage()
			way.also(s, m)

			c.signal(syscall.SIGTERM)
			require.NoError(t, c.awaitExit())
			s.requireHistory(m)
			s.signal(syscall.SIGTERM)
			require.NoError(t, s.awaitExit())
		})
	}
}

func TestPrometheusForgetsWhatEnded(t *testing.T) {
	ns := netns.New(t)
	s := startServer(t, ns)
	c := binary(t, ns, t.TempDir(), push,
		"receivers::ebpf_tcp::collection_interval: 200ms", "receivers::ebpf_tcp::flow_idle_timeout: 1s", onlyMarket)
	c.awaitReady()
	m := openMarket(t, ns)

	clients, _ := m.selectors()
	once := fmt.Sprintf(`last_over_time(tcp_flow_rtt_seconds_bucket{%s}[1h])`, clients)
	requireSoon(t, true, func() bool { return len(s.query(once)) > 0 }, once)
	now := fmt.Sprintf(`{__name__=~"tcp_flow_.+",%s}`, clients)
	requireSoon(t, []sample{}, func() []sample { return s.query(now) }, now)
}

// selectors returns the labels of the clients' and the server's flows.
func (m market) selectors() (clients, server string) {
	return fmt.Sprintf(`process_executable_name=%q,destination_port="%d"`, clientName, m.port),
		fmt.Sprintf(`process_executable_name=%q,source_port="%d"`, serverName, m.port)
}

// requireTotals waits for one series of each process, with what its application
// counted.
func (s server) requireTotals(m market) {
	s.t.Helper()
	clients, server := m.selectors()
	require.Equal(s.t, m.server.read(), m.clients[0].written()+m.clients[1].written())
	require.Equal(s.t, m.server.written(), m.clients[0].read()+m.clients[1].read())

	sent, received := `tcp_flow_io_bytes_total{network_io_direction="transmit",%s}`, `tcp_flow_io_bytes_total{network_io_direction="receive",%s}`
	s.requireValues(by(dealer.written, m.clients...), fmt.Sprintf(sent, clients), "process_pid")
	s.requireValues(by(dealer.read, m.clients...), fmt.Sprintf(received, clients), "process_pid")
	s.requireValues(by(dealer.written, m.server), fmt.Sprintf(sent, server), "process_pid")
	s.requireValues(by(dealer.read, m.server), fmt.Sprintf(received, server), "process_pid")
	s.requireValues(by(dealer.connections, m.clients...), fmt.Sprintf(`tcp_flow_connection_closed_total{%s}`, clients), "process_pid")
	s.requireValues(by(dealer.connections, m.server), fmt.Sprintf(`tcp_flow_connection_closed_total{%s}`, server), "process_pid")

	require.Len(s.t, s.values(fmt.Sprintf(sent, clients), "instance"), 2, "instances")
}

// requireTargets checks that a series can be joined with what its process is.
func (s server) requireTargets(m market) {
	s.t.Helper()
	clients, _ := m.selectors()
	joined := `sum without (process_pid) (tcp_flow_io_bytes_total{network_io_direction="transmit",%s}) * on (job, instance) group_left (process_pid) target_info`
	s.requireValues(by(dealer.written, m.clients...), fmt.Sprintf(joined, clients), "process_pid")
}

// requireZero checks that a counter's first sample is 0, at the flow's start.
func (s server) requireZero(m market) {
	s.t.Helper()
	clients, server := m.selectors()
	first := `min_over_time(tcp_flow_io_bytes_total{network_io_direction="transmit",%s}[1h])`
	zero := func(dealer) float64 { return 0 }
	s.requireValues(by(zero, m.clients...), fmt.Sprintf(first, clients), "process_pid")
	s.requireValues(by(zero, m.server), fmt.Sprintf(first, server), "process_pid")
}

// requireRoundTrips waits for the histograms of the log.
func (s server) requireRoundTrips(m market) {
	s.t.Helper()
	clients, server := m.selectors()
	count := func(d dealer) float64 { return d.trips(math.Inf(1)) }
	s.requireValues(by(count, m.clients...), fmt.Sprintf(`tcp_flow_rtt_seconds_count{%s}`, clients), "process_pid")
	s.requireValues(by(count, m.server), fmt.Sprintf(`tcp_flow_rtt_seconds_count{%s}`, server), "process_pid")
	s.requireValues(by(dealer.tripTime, m.clients...), fmt.Sprintf(`tcp_flow_rtt_seconds_sum{%s}`, clients), "process_pid")
	s.requireValues(by(dealer.tripTime, m.server), fmt.Sprintf(`tcp_flow_rtt_seconds_sum{%s}`, server), "process_pid")

	for _, d := range append(m.clients, m.server) {
		want := make(map[float64]float64)
		for _, bound := range append(names.RTTBounds(), math.Inf(1)) {
			want[bound] = d.trips(bound)
		}
		buckets := fmt.Sprintf(`tcp_flow_rtt_seconds_bucket{process_pid=%q,destination_address="127.0.0.1"}`, d.pid)
		requireSoon(s.t, want, func() map[float64]float64 { return s.buckets(buckets) }, buckets)
	}
}

// buckets returns the values of a query by the buckets' upper bounds, which
// pull and push write in different ways.
func (s server) buckets(expression string) map[float64]float64 {
	s.t.Helper()
	buckets := make(map[float64]float64)
	for bound, count := range s.values(expression, "le") {
		buckets[s.number(bound)] = count
	}
	return buckets
}

// requireTypes waits for all series that a flow has from its beginning on, and wants
// those that there are as the documentation lists them, and no other.
func (s server) requireTypes() {
	s.t.Helper()
	rows := s.documented("(?m)^\\| `(tcp\\.[a-z._]+)` \\| `(tcp_[a-z_]+)` \\| ([a-z]+) \\|$")
	require.Len(s.t, rows, len(names.Metrics()))
	documented, always := make(map[string]string), make(map[string]string)
	for i, metric := range names.Metrics() {
		require.Equal(s.t, metric.Name, rows[i][1])
		documented[rows[i][2]] = rows[i][3]
		if metric.Enabled && !sometimes[metric.Name] {
			always[rows[i][2]] = rows[i][3]
		}
	}
	requireSoon(s.t, always, func() map[string]string {
		have := s.types()
		maps.DeleteFunc(have, func(name, kind string) bool { return always[name] == "" && documented[name] == kind })
		return have
	}, "types by series")
}

// sometimes are the metrics that a flow has only if something goes wrong, or while a
// connection is open.
var sometimes = map[string]bool{
	names.FlowRetransmitEpisodes.Name: true, names.FlowRetransmitSpurious.Name: true, names.FlowOutOfOrder.Name: true,
	names.FlowConnectionFailed.Name: true, names.FlowZeroWindowProbes.Name: true, names.FlowNagleStalls.Name: true,
	names.FlowNagleStallTime.Name: true, names.FlowCorkStalls.Name: true, names.Resets.Name: true,
	names.FlowRTTMin.Name: true, names.FlowReceiveBuffer.Name: true, names.FlowSendBuffer.Name: true,
	names.FlowWindowScale.Name: true,
}

// documented returns what matches in the documentation.
func (s server) documented(expression string) [][]string {
	s.t.Helper()
	page, err := os.ReadFile("../../docs/prometheus.md")
	require.NoError(s.t, err)
	return regexp.MustCompile(expression).FindAllStringSubmatch(string(page), -1)
}

// requireQueries checks that the server understands what the documentation asks.
func (s server) requireQueries() {
	s.t.Helper()
	blocks := s.documented("(?s)```promql\n(.+?)```")
	require.Len(s.t, blocks, 1)
	for expression := range strings.SplitSeq(blocks[0][1], "\n\n") {
		s.query(expression)
	}
}

// types returns the types of all series of the receiver by name.
func (s server) types() map[string]string {
	s.t.Helper()
	types := make(map[string]string)
	for _, sample := range s.query(`group by (__name__, __type__) ({__name__=~"tcp_.+"})`) {
		name, kind := sample.Labels["__name__"], sample.Labels["__type__"]
		if kind == "histogram" {
			name = name[:strings.LastIndex(name, "_")]
		}
		types[name] = kind
	}
	return types
}

// requireCoverage waits until the server is told how complete all is.
func (s server) requireCoverage() {
	s.t.Helper()
	requireSoon(s.t, 1, func() int { return len(s.query(`tcp_flow_coverage_ratio > 0 <= 1`)) }, "hosts with a coverage")
	require.Len(s.t, s.query(`tcp_flow_coverage_ratio`), 1)
}

// requireHistory checks that a counter neither fell nor rose after the totals
// were right, also by what the collector exported at its end.
func (s server) requireHistory(m market) {
	s.t.Helper()
	clients, server := m.selectors()
	sent := `tcp_flow_io_bytes_total{network_io_direction="transmit",%s}[1h]`
	still := func(dealer) float64 { return 0 }
	s.requireValues(by(dealer.written, m.clients...), fmt.Sprintf(`last_over_time(`+sent+`)`, clients), "process_pid")
	s.requireValues(by(dealer.written, m.server), fmt.Sprintf(`last_over_time(`+sent+`)`, server), "process_pid")
	s.requireValues(by(still, m.clients...), fmt.Sprintf(`resets(`+sent+`)`, clients), "process_pid")
	s.requireValues(by(still, m.server), fmt.Sprintf(`resets(`+sent+`)`, server), "process_pid")
}
