// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package names

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMetricsAreDescribedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, metric := range Metrics() {
		assert.False(t, seen[metric.Name], "%s is there twice", metric.Name)
		seen[metric.Name] = true
		assert.NotEmpty(t, metric.Kind, metric.Name)
		assert.NotEmpty(t, metric.Unit, metric.Name)
		assert.True(t, strings.HasSuffix(metric.Description, "."), "%s needs a sentence", metric.Name)
	}
	assert.Len(t, seen, 39)
}

// Document stores map a dotted name to nested objects: a name cannot be a value
// and an object at once.
func TestNoMetricIsANamespace(t *testing.T) {
	for _, outer := range Metrics() {
		for _, inner := range Metrics() {
			assert.False(t, strings.HasPrefix(inner.Name, outer.Name+"."), "%s is inside %s", inner.Name, outer.Name)
		}
	}
}

func TestGaugesSayHowTheyMerge(t *testing.T) {
	for _, metric := range Metrics() {
		if metric.Kind == Gauge {
			assert.Contains(t, []Merge{MergeSum, MergeMin, MergeMax}, metric.Merge, metric.Name)
		} else {
			assert.Empty(t, metric.Merge, metric.Name)
		}
		assert.Equal(t, metric.Kind == Histogram, metric.Bounds != nil, metric.Name)
	}
}
