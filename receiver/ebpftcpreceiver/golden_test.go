// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

var update = flag.Bool("update", false, "write the expected metrics anew")

// requireGolden compares metrics with testdata/metrics/<name>.txt.
func requireGolden(t *testing.T, name string, md pmetric.Metrics) {
	t.Helper()
	got := printMetrics(md)
	path := filepath.Join("testdata", "metrics", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "go test -run %s -update writes %s anew", t.Name(), path)
}

// second is a moment so many seconds after the observation began.
func second(n uint64) flow.Instant { return flow.Instant{Wall: 1000e9 + n*1e9, Boot: 500e9 + n*1e9} }

// clientDelta is an interval of a client with round trips of 80 ms and 100 ms.
func clientDelta() *flow.Delta {
	d := flow.Delta{
		Key: clientKey(4711, 1), Since: second(5).Boot,
		Bytes: [2]uint64{100, 2000}, Segments: [2]uint64{12, 13}, DataSegments: [2]uint64{3, 4},
		Time:    [flow.NumPhases]uint64{8_000_000_000, 4_000_000, 8_000_000, 12_000_000},
		Trouble: troubles(), ResetReasons: []flow.ResetReason{{Name: "tcp_abort_on_close", Count: 12}, {Name: "tcp_abort_on_data", Count: 5}}, Exchanges: 3, Now: gauges(), Opened: 2, Closed: [flow.NumCloseReasons]uint64{flow.CloseFIN: 1},
		Setup:         flow.Sample{Counts: make([]uint32, flow.SetupLayout.Count), Sum: 160_000},
		Duration:      flow.Sample{Counts: make([]uint32, flow.DurationLayout.Count), Sum: 3_000_000},
		RTT:           flow.Sample{Counts: make([]uint32, flow.RTTLayout.Count), Sum: 180_000},
		RTTVariation:  flow.Sample{Counts: make([]uint32, flow.RTTLayout.Count), Sum: 20_000, Zero: 1},
		ReceiveWindow: flow.Sample{Counts: make([]uint32, flow.WindowLayout.Count), Sum: 131_072},
		SendWindow:    flow.Sample{Counts: make([]uint32, flow.WindowLayout.Count), Sum: 65_536, Zero: 1},
	}
	d.Live[1] = 1
	d.Setup.Counts[16] = 2                    // (2^-4 s, 2^-3 s]
	d.Duration.Counts[9] = 1                  // (2 s, 4 s]
	d.RTT.Counts[65], d.RTT.Counts[66] = 1, 1 // (2^-3.75 s, 2^-3.5 s], (2^-3.5 s, 2^-3.25 s]
	d.RTTVariation.Counts[53] = 1
	d.ReceiveWindow.Counts[16] = 2
	d.SendWindow.Counts[16] = 1
	return &d
}

// troubles are one of each kind.
func troubles() flow.Trouble {
	return flow.Trouble{
		Retransmits: [flow.NumRetransmitKinds]uint64{1, 2, 3, 4, 5}, Episodes: 6, Spurious: 7, OutOfOrder: 8,
		Failed: [flow.NumFailures]uint64{9, 10, 11, 12, 13, 14, 15, 16},
		Probes: 17, Stalls: 18, StallTime: 720_000, Corks: 19, Resets: [flow.NumDirections]uint64{20, 21},
	}
}

func gauges() flow.Gauges {
	return flow.Gauges{
		QueueSend: 3000, QueueUnsent: 1000, QueueReceive: 10, DeliveryRate: 125_000, Awaiting: 1, CongestionWindow: 10,
		RTTMin: 80_001, ReceiveBuffer: [2]uint32{131_072, 16_384}, SendBuffer: [2]uint32{0, 4608},
		WindowScale: [flow.NumDirections]uint8{1, 11},
	}
}

// serverDelta is an interval of a server with one connection half closed.
func serverDelta() *flow.Delta {
	d := flow.Delta{
		Key: flow.Key{
			Owner:     flow.OwnerID{Program: 80, Start: 9},
			Local:     netip.MustParseAddr("2001:db8::1"),
			Remote:    netip.MustParseAddr("2001:db8:0:ff00::"),
			LocalPort: 8080,
			Role:      flow.RoleServer,
		},
		Since:  second(6).Boot,
		Opened: 6, Closed: [flow.NumCloseReasons]uint64{1, 1, 1, 1},
	}
	d.Live[1], d.Live[8] = 1, 1
	return &d
}

// connectionDelta is a connection whose end nobody knows.
func connectionDelta() *flow.Delta {
	d := flow.Delta{Key: clientKey(0, 2), Since: second(7).Boot}
	d.Key.LocalPort, d.Key.Role, d.Key.Owner = 40_000, flow.RoleUnknown, flow.OwnerID{}
	return &d
}

// groupDelta is an interval of a container's processes.
func groupDelta() *flow.Delta {
	d := serverDelta()
	d.Key.Owner = flow.OwnerID{Start: 77}
	return d
}

func listenerDelta() *flow.Delta {
	d := serverDelta()
	d.Key.Role, d.Key.Remote = flow.RoleListener, netip.Addr{}
	d.Opened, d.Closed, d.Live = 0, [flow.NumCloseReasons]uint64{}, [flow.NumStates]uint32{}
	d.Now = flow.Gauges{ListenQueue: 2, ListenLimit: 1}
	d.Trouble.Overflows = 49
	return d
}

func overflowDelta(pid uint32) *flow.Delta {
	d := clientDelta()
	d.Key = flow.Key{Owner: clientKey(pid, 0).Owner, Overflow: true}
	if pid == 0 {
		d.Key.Owner = flow.OwnerID{}
	}
	return d
}

func newTestObserver(change func(*Config)) *observer {
	cfg := createDefaultConfig().(*Config)
	change(cfg)
	limits := flow.Limits{Flows: 100, Overflows: 10}
	return &observer{
		table:        flow.NewTable(limits, second(0), fakeKernel(quiet).Owner),
		writer:       newWriter(cfg, newHost("node-1", "machine", "boot"), component.BuildInfo{Version: "1.2.3"}),
		completeness: completeness{start: second(0)},
	}
}

// interval seals an interval that ends at the given second.
func (o *observer) interval(n uint64, report flow.Report, deltas ...*flow.Delta) {
	for _, d := range deltas {
		o.table.Add(d)
	}
	o.completeness.add(o.table.Seal(second(n), report, true), true)
	o.writer.setTime(second(n))
	o.cursor = cursor{}
}

func (o *observer) writeAll() pmetric.Metrics {
	p, _ := o.cursor.next(o.table.Groups(), pieceFlows)
	return o.write(p)
}

func TestMetrics(t *testing.T) {
	all := switchOnAll
	exponential := func(cfg *Config) { cfg.Histogram = HistogramExponential }
	lossy := flow.Report{Described: 3, Missed: 1, Lost: [flow.NumLostReasons]uint64{flow.LostPredates: 1},
		StrayResets: []flow.ResetReason{{Name: "no_socket", Count: 2}, {Count: 1}}}
	for name, test := range map[string]struct {
		change func(*Config)
		report flow.Report
		deltas []*flow.Delta
	}{
		"nothing":            {change: all},
		"client_explicit":    {all, flow.Report{Described: 2}, []*flow.Delta{clientDelta()}},
		"client_exponential": {exponential, flow.Report{Described: 2}, []*flow.Delta{clientDelta()}},
		"server":             {exponential, flow.Report{}, []*flow.Delta{serverDelta()}},
		"container":          {exponential, flow.Report{}, []*flow.Delta{groupDelta()}},
		"listener":           {exponential, flow.Report{}, []*flow.Delta{listenerDelta(), serverDelta()}},
		"connection":         {exponential, flow.Report{}, []*flow.Delta{connectionDelta()}},
		"overflow":           {exponential, lossy, []*flow.Delta{overflowDelta(1), overflowDelta(0)}},
		"switched_off":       {switchOffAllBut(names.FlowIO), lossy, []*flow.Delta{clientDelta()}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newTestObserver(test.change)
			o.interval(10, test.report, test.deltas...)
			requireGolden(t, name, o.writeAll())
		})
	}
}

func switchOnAll(cfg *Config) {
	for _, metric := range names.Metrics() {
		enabled := true
		cfg.Metrics[metric.Name] = MetricConfig{Enabled: &enabled}
	}
}

func switchOffAllBut(kept names.Metric) func(*Config) {
	return func(cfg *Config) {
		for _, metric := range names.Metrics() {
			enabled := metric.Name == kept.Name
			cfg.Metrics[metric.Name] = MetricConfig{Enabled: &enabled}
		}
	}
}

func TestMetricsOfAFlowThatEnds(t *testing.T) {
	for _, histogram := range histograms {
		t.Run(string(histogram), func(t *testing.T) {
			o := newTestObserver(func(cfg *Config) { cfg.Histogram = histogram })
			o.interval(10, flow.Report{}, clientDelta())
			o.interval(20, flow.Report{})
			o.table.Commit() // the last totals were accepted
			o.interval(30, flow.Report{})
			requireGolden(t, "ended_"+string(histogram), o.writeAll())
		})
	}
}

func TestMetricsAddUpOverIntervals(t *testing.T) {
	o := newTestObserver(func(cfg *Config) { cfg.Histogram = HistogramExponential })
	o.interval(10, flow.Report{Lost: [flow.NumLostReasons]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}}, clientDelta())
	next := clientDelta()
	next.Live = [flow.NumStates]uint32{4: 1}
	o.interval(20, flow.Report{Lost: [flow.NumLostReasons]uint64{1, 1, 1, 1, 1, 1, 1, 1, 1}}, next)
	requireGolden(t, "second_interval", o.writeAll())
}

func TestNoMetricsWhereAllAreSwitchedOff(t *testing.T) {
	o := newTestObserver(switchOffAllBut(names.Metric{}))
	o.interval(10, flow.Report{}, clientDelta())
	assert.Zero(t, o.writeAll().ResourceMetrics().Len())
}

func TestNoResourceWithoutMetrics(t *testing.T) {
	o := newTestObserver(switchOffAllBut(names.FlowIO))
	o.interval(10, flow.Report{}, listenerDelta())
	assert.Zero(t, o.writeAll().ResourceMetrics().Len())
}

func TestCoverageIsUnknownAfterAnIncompleteSweep(t *testing.T) {
	o := newTestObserver(switchOffAllBut(names.FlowCoverage))
	o.interval(10, flow.Report{})
	assert.Equal(t, 1, o.writeAll().DataPointCount())
	o.completeness.add(flow.Report{}, false)
	assert.Zero(t, o.writeAll().ResourceMetrics().Len())
}

func TestAClockSetBackMakesNoIntervalNegative(t *testing.T) {
	o := newTestObserver(func(*Config) {})
	o.interval(10, flow.Report{}, clientDelta())
	o.writer.setTime(second(2)) // the flow started at 5
	md := o.writeAll()
	point := md.ResourceMetrics().At(1).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().At(0)
	assert.Equal(t, second(5).Wall, uint64(point.StartTimestamp()))
	assert.Equal(t, point.StartTimestamp(), point.Timestamp())
}
