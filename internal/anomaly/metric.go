// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"slices"

	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// A metric says how the points of one metric are added up.
type metric struct {
	*names.Metric
	index     int
	merge     reduce.Merge
	bounds    *reduce.Bounds
	selection int // which of the reducer's
}

var merges = map[names.Merge]reduce.Merge{
	names.MergeSum: reduce.MergeSum, names.MergeMin: reduce.MergeMin, names.MergeMax: reduce.MergeMax,
}

// Selections that always are.
const (
	ofFlows = iota
	ofHosts // what is said of the host alone stays per host at every level
)

// newMetrics returns all metrics by name, and the selections they use.
func newMetrics(cfg *Config) (map[string]*metric, []selection) {
	common := selection{level: cfg.level(), orInclude: cfg.Attributes.Include, orExclude: cfg.Attributes.Exclude}
	perHost := common
	perHost.level, perHost.perHost = AggregatePod, true
	selections := []selection{ofFlows: common, ofHosts: perHost}
	metrics := make(map[string]*metric)
	for i, described := range names.Metrics() {
		m := &metric{Metric: &described, index: i, merge: merges[described.Merge]}
		if described.Bounds != nil {
			m.bounds = reduce.NewBounds(described.Bounds())
		}
		if described.PerHost {
			m.selection = ofHosts
		}
		if own := cfg.Metrics[described.Name].Attributes; !own.empty() {
			s := selections[m.selection]
			s.include, s.exclude = own.Include, own.Exclude
			m.selection = len(selections)
			selections = append(selections, s)
		}
		metrics[described.Name] = m
	}
	return metrics, selections
}

// splits reports whether an attribute splits the metric.
func (m *metric) splits(name string) bool { return slices.Contains(m.Attributes, name) }
