// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/condition"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// assertFilters holds each problem's filter against all points of flows that have left: it shows
// those that its other attributes speak of, and no others.
func assertFilters(t *testing.T, logs plog.Logs, all []pmetric.Metrics) {
	t.Helper()
	for _, rl := range logs.ResourceLogs().All() {
		for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
			if record.EventName() == names.FlowProblem {
				assertFilter(t, record.Attributes(), all)
			}
		}
	}
}

func assertFilter(t *testing.T, problem pcommon.Map, all []pmetric.Metrics) {
	t.Helper()
	text := of(problem, names.ProblemFilter)
	shows, err := condition.Parse(text)
	require.NoError(t, err)
	shown := 0
	eachFlowPoint(all, func(point, resource pcommon.Map) {
		is := shows(condition.Of(point, resource))
		if is {
			shown++
		}
		want, known := concerns(problem, point)
		if is && !want || known && want != is {
			assert.Fail(t, "the filter is wrong", "shown %v, %v\n%s", is, point.AsRaw(), text)
		}
	})
	assert.NotZero(t, shown, "nothing that left is shown by %s", text)
}

// concerns tells whether a point is of the flows that a problem's root speaks of, and whether that is all
// that is to be said: of a pod or a node, what leaves tells only which workloads are there.
func concerns(problem, point pcommon.Map) (concerned, known bool) {
	source, destination := of(point, names.Source.WorkloadName), of(point, names.Destination.WorkloadName)
	if cluster := of(problem, names.ProblemRootCluster); cluster != of(point, names.Source.K8sClusterName) ||
		cluster != of(point, names.Destination.K8sClusterName) { // no case has calls from one cluster to another
		return false, true
	}
	root := of(problem, names.ProblemRootName)
	switch of(problem, names.ProblemRootKind) {
	case "external":
		return of(point, names.Source.Kind) == root || of(point, names.Destination.Kind) == root, true
	case "workload":
		return source == root || destination == root, true
	case "listener":
		name, port, _ := strings.Cut(root, ":")
		return source == name && (port == "0" || of(point, names.SourcePort) == port) ||
			destination == name && (port == "0" || of(point, names.DestinationPort) == port), true
	case "pair":
		ends := strings.FieldsFunc(root, func(r rune) bool { return strings.ContainsRune(" →↔", r) })
		slices.Sort(ends)
		there := []string{source, destination}
		slices.Sort(there)
		return slices.Equal(ends, there), true
	}
	services, _ := problem.Get(names.ProblemAffectedServices)
	direct, _ := strconv.Atoi(of(problem, names.ProblemAffectedDirect))
	var hit []string
	for _, service := range services.Slice().AsRaw()[:direct] {
		hit = append(hit, service.(string))
	}
	return slices.Contains(hit, source) && slices.Contains(hit, destination), false
}

func of(attributes pcommon.Map, name string) string {
	value, ok := attributes.Get(name)
	if !ok {
		return ""
	}
	return value.AsString()
}

// eachFlowPoint calls f for each point that speaks of a flow.
func eachFlowPoint(all []pmetric.Metrics, f func(point, resource pcommon.Map)) {
	for _, md := range all {
		for _, rm := range md.ResourceMetrics().All() {
			for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
				if m.Type() != pmetric.MetricTypeSum || m.Name() == names.FlowAnomalyCount.Name {
					continue
				}
				for _, p := range m.Sum().DataPoints().All() {
					f(p.Attributes(), rm.Resource().Attributes())
				}
			}
		}
	}
}
