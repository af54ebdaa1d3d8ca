// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"

	"github.com/tcpwhy/tcpwhy/internal/condition"
	"github.com/tcpwhy/tcpwhy/internal/localize"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// Two namespaces have a web and a db; the pods of either share the nodes with the other's.
const twoShops = `
workloads:
  - {namespace: shop, workload: web, kind: Deployment, pod: web-0, node: node-1, zone: a, addresses: [10.0.1.1]}
  - {namespace: shop, workload: web, kind: Deployment, pod: web-1, node: node-2, zone: b, addresses: [10.0.1.2]}
  - {namespace: shop, workload: db, kind: StatefulSet, pod: db-0, node: node-2, zone: b, addresses: [10.0.1.3]}
  - {namespace: test, workload: web, kind: Deployment, pod: web-0, node: node-1, zone: a, addresses: [10.0.2.1]}
  - {namespace: test, workload: db, kind: StatefulSet, pod: db-0, node: node-3, zone: c, addresses: [10.0.2.3]}
  - {namespace: test, workload: cache, addresses: [10.0.2.4]}
`

// Each flow's bytes tell it from all others: a sum of them tells which have been added up.
const flowsOfTwoShops = `resource {host.name=node-1}
tcp.flow.io sum delta
  {source.address=10.0.1.1 destination.address=10.0.1.3 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 1
  {source.address=10.0.1.1 destination.address=10.9.9.9 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 2
  {source.address=10.0.1.1 destination.address=203.0.113.7 destination.port=443(Int) network.tcp.handshake.role=client} 5s..10s 4
  {source.address=10.0.2.1 destination.address=10.0.2.3 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 8
  {source.address=10.0.2.1 destination.address=10.0.2.4 destination.port=6379(Int) network.tcp.handshake.role=client} 5s..10s 1024
resource {host.name=node-2}
tcp.flow.io sum delta
  {source.address=10.0.1.2 destination.address=10.0.1.3 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 16
  {source.address=10.0.1.3 source.port=5432(Int) destination.address=10.0.1.1 network.tcp.handshake.role=server} 5s..10s 32
  {source.address=10.0.1.3 source.port=5432(Int) destination.address=10.0.1.2 network.tcp.handshake.role=server} 5s..10s 64
  {source.address=10.0.1.3 source.port=9187(Int) destination.address=10.0.1.1 network.tcp.handshake.role=server} 5s..10s 128
resource {host.name=bare process.executable.name=curl}
tcp.flow.io sum delta
  {source.address=192.168.7.7 destination.address=10.0.1.3 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 256
resource {host.name=other process.executable.name=curl}
tcp.flow.io sum delta
  {source.address=192.168.7.8 destination.address=10.0.1.3 destination.port=9187(Int) network.tcp.handshake.role=client} 5s..10s 512
`

var (
	shopWeb = localize.Name{Namespace: "shop", Kind: "Deployment", Name: "web"}
	shopDB  = localize.Name{Namespace: "shop", Kind: "StatefulSet", Name: "db"}
	testWeb = localize.Name{Namespace: "test", Kind: "Deployment", Name: "web"}
	testDB  = localize.Name{Namespace: "test", Kind: "StatefulSet", Name: "db"}
	curl    = localize.Name{Namespace: "bare", Kind: names.KindProcess, Name: "curl"}
)

// What the filter of a problem selects of what leaves, at each level.
var selects = []struct {
	what              string
	place             localize.Place
	edges             []problem.Pair
	each, pods, loads int64
}{
	{"workload", localize.Place{Kind: localize.KindWorkload, A: shopDB}, nil, 1 | 16 | 32 | 64 | 128 | 256 | 512, 1 | 16 | 32 | 64 | 128 | 256 | 512, 1 | 16 | 32 | 64 | 128 | 256 | 512},
	{"namesake", localize.Place{Kind: localize.KindWorkload, A: testDB}, nil, 8, 8, 8},
	{"of no kind", localize.Place{Kind: localize.KindWorkload, A: localize.Name{Namespace: "test", Name: "cache"}}, nil, 1024, 1024, 1024},
	{"pair", localize.Place{Kind: localize.KindPair, A: shopWeb, B: shopDB}, nil, 1 | 16 | 32 | 64 | 128, 1 | 16 | 32 | 64 | 128, 1 | 16 | 32 | 64 | 128},
	{"listener", localize.Place{Kind: localize.KindListener, A: shopDB, Port: 5432}, nil, 1 | 16 | 32 | 64 | 256, 1 | 16 | 32 | 64 | 256, 1 | 16 | 32 | 64 | 256},
	{"pod", localize.Place{Kind: localize.KindPod, A: localize.Name{Namespace: "shop", Name: "web-0"}}, []problem.Pair{{Sender: shopWeb, Receiver: shopDB}}, 1 | 2 | 4 | 32 | 128, 1 | 2 | 4 | 32 | 128, 1 | 16 | 32 | 64 | 128},
	{"node", localize.Place{Kind: localize.KindNode, A: localize.Name{Name: "node-3"}}, []problem.Pair{{Sender: testWeb, Receiver: testDB}}, 8, 8, 8},
	{"node pair", localize.Place{Kind: localize.KindNodePair, A: localize.Name{Name: "node-1"}, B: localize.Name{Name: "node-2"}}, []problem.Pair{{Sender: shopWeb, Receiver: shopDB}}, 1 | 32 | 128, 1 | 32 | 128, 1 | 16 | 32 | 64 | 128},
	{"zone pair", localize.Place{Kind: localize.KindZonePair, A: localize.Name{Name: "c"}, B: localize.Name{Name: "a"}}, []problem.Pair{{Sender: testDB, Receiver: testWeb}}, 8, 8, 8},
	{"host", localize.Place{Kind: localize.KindNode, A: localize.Name{Name: "bare"}}, []problem.Pair{{Sender: curl, Receiver: shopDB}}, 256, 256, 256 | 512},
	// Two processes of one name are one where hosts do not leave.
	{"process", localize.Place{Kind: localize.KindWorkload, A: curl}, nil, 256, 256, 256 | 512},
	{"address", localize.Place{Kind: localize.KindWorkload, A: localize.Name{Kind: names.KindUnknown, Name: "10.9.9.9"}}, []problem.Pair{{Sender: shopWeb, Receiver: localize.Name{Kind: names.KindUnknown, Name: "10.9.9.9"}}}, 2, 2, 2},
	{"address of a pair", localize.Place{Kind: localize.KindPair, A: shopWeb, B: localize.Name{Kind: names.KindUnknown, Name: "10.9.9.9"}}, nil, 2, 2, 2},
}

// The filter of a problem selects the flows of its place, and no others, as finely as what leaves
// tells them apart.
func TestFilter(t *testing.T) {
	for _, level := range []Aggregate{AggregateNone, AggregatePod, AggregateWorkload} {
		cfg, sent := leaves(t, twoShops, level, flowsOfTwoShops)
		for i, s := range selects {
			text := newSieve(cfg).filter(&problem.Problem{Finding: problem.Finding{Root: localize.Root{Candidate: localize.Candidate{Place: s.place}}, Edges: s.edges}})
			want := map[Aggregate]int64{AggregateNone: s.each, AggregatePod: s.pods, AggregateWorkload: s.loads}[level]
			assert.Equal(t, want, selected(t, sent, text), "%s at level %s: %s", selects[i].what, level, text)
		}
	}
}

// What a user drops is not asked for: a filter that does would show nothing.
func TestFilterAsksForWhatLeaves(t *testing.T) {
	kinds, namespaces := []any{"source.workload.kind", "destination.workload.kind"}, []any{"source.k8s.namespace.name", "destination.k8s.namespace.name"}
	db := localize.Place{Kind: localize.KindWorkload, A: shopDB}
	pair := localize.Place{Kind: localize.KindPair, A: shopWeb, B: shopDB}
	listener := localize.Place{Kind: localize.KindListener, A: shopDB, Port: 5432}
	for _, s := range []struct {
		exclude []any
		place   localize.Place
		want    int64
	}{
		{kinds, db, 1 | 16 | 32 | 64 | 128 | 256 | 512},
		{kinds, pair, 1 | 16 | 32 | 64 | 128},
		{kinds, listener, 1 | 16 | 32 | 64 | 256},
		{namespaces, db, 1 | 8 | 16 | 32 | 64 | 128 | 256 | 512}, // nobody can tell the namesake
		{[]any{"source.workload.name"}, db, 1 | 16 | 256 | 512},  // as its clients report
		{[]any{"source.workload.name"}, pair, 1 | 16 | 32 | 64 | 128},
		{[]any{"source.port"}, listener, 1 | 16 | 256},
		{[]any{"source.port", "destination.port"}, listener, 1 | 16 | 32 | 64 | 128 | 256 | 512},
	} {
		cfg, sent := leavesWith(t, twoShops, AggregateWorkload, flowsOfTwoShops, s.exclude)
		text := newSieve(cfg).filter(&problem.Problem{Finding: problem.Finding{Root: localize.Root{Candidate: localize.Candidate{Place: s.place}}}})
		assert.Equal(t, s.want, selected(t, sent, text), "without %v: %s", s.exclude, text)
	}
}

// Where nothing is named, resources tell who is there.
func TestFilterOfBareHosts(t *testing.T) {
	cfg, sent := leaves(t, "", AggregateNone, `resource {host.name=bare process.executable.name=curl}
tcp.flow.io sum delta
  {source.address=192.168.7.7 destination.address=10.0.2.1 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 1
  {source.address=192.168.7.7 destination.address=10.0.2.2 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 2
resource {host.name=bare process.executable.name=wget}
tcp.flow.io sum delta
  {source.address=192.168.7.7 destination.address=10.0.2.1 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 4
resource {host.name=other process.executable.name=curl}
tcp.flow.io sum delta
  {source.address=192.168.7.8 destination.address=10.0.2.1 destination.port=5432(Int) network.tcp.handshake.role=client} 5s..10s 8
`)
	peer := localize.Name{Kind: names.KindUnknown, Name: "10.0.2.1"}
	for _, s := range []struct {
		place localize.Place
		want  int64
	}{
		{localize.Place{Kind: localize.KindPair, A: curl, B: peer}, 1},
		{localize.Place{Kind: localize.KindWorkload, A: curl}, 1 | 2},
		{localize.Place{Kind: localize.KindWorkload, A: peer}, 1 | 4 | 8},
		{localize.Place{Kind: localize.KindNode, A: localize.Name{Name: "bare"}}, 1 | 2 | 4},
	} {
		text := newSieve(cfg).filter(&problem.Problem{Finding: problem.Finding{Root: localize.Root{Candidate: localize.Candidate{Place: s.place}}}})
		assert.Equal(t, s.want, selected(t, sent, text), text)
	}
}

// leaves returns what leaves a side at a level, of points that come.
func leaves(t *testing.T, identities string, level Aggregate, come string) (*Config, *consumertest.MetricsSink) {
	t.Helper()
	return leavesWith(t, identities, level, come, nil)
}

func leavesWith(t *testing.T, identities string, level Aggregate, come string, exclude []any) (*Config, *consumertest.MetricsSink) {
	t.Helper()
	settings := map[string]any{"aggregate": string(level), "detection": map[string]any{"enabled": false}}
	if identities != "" {
		path := filepath.Join(t.TempDir(), "identities.yaml")
		require.NoError(t, os.WriteFile(path, []byte(identities), 0o600))
		settings["identity"] = map[string]any{"static": map[string]any{"file": path}}
	}
	if exclude != nil {
		settings["attributes"] = map[string]any{"exclude": exclude}
	}
	cfg, err := load(t, settings)
	require.NoError(t, err)
	next := new(consumertest.MetricsSink)
	p := NewMetricsSide(settingsOf(componenttest.NewTelemetry().NewTelemetrySettings()), cfg, next)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, p.ConsumeMetrics(t.Context(), parse(t, come)))
	require.NoError(t, p.Shutdown(t.Context()))
	return cfg, next
}

// selected adds up the bytes of the points that a filter selects.
func selected(t *testing.T, sent *consumertest.MetricsSink, text string) (bytes int64) {
	t.Helper()
	shows, err := condition.Parse(text)
	require.NoError(t, err)
	for _, md := range sent.AllMetrics() {
		for _, rm := range md.ResourceMetrics().All() {
			for _, p := range rm.ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints().All() {
				if shows(condition.Of(p.Attributes(), rm.Resource().Attributes())) {
					bytes += p.IntValue() + int64(p.DoubleValue())
				}
			}
		}
	}
	return bytes
}
