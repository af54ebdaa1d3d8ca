// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// moved returns edges as they are in another cluster, where all has the same names.
func moved(edges []localize.Edge, to string) []localize.Edge {
	var others []localize.Edge
	for _, e := range edges {
		for _, name := range [...]*localize.Name{&e.From.Workload, &e.From.Pod, &e.To.Workload, &e.To.Pod} {
			name.Cluster = to
		}
		others = append(others, e)
	}
	return others
}

// Two clusters have all names in common. A fault in one is told of that one: what is well in the other says
// nothing against it.
func TestCoverTellsClustersApart(t *testing.T) {
	c := newCluster(3, 17, 3, 6, 4)
	for _, f := range faultsAt(c.edges[5]) {
		var bad, healthy []localize.Edge
		for _, e := range c.edges {
			if f.hit(&e) {
				e.Evidence = limit
				bad = append(bad, e)
			} else {
				healthy = append(healthy, e)
			}
		}
		roots := localize.Cover(moved(bad, "east"), append(moved(healthy, "east"), moved(c.edges, "west")...), limit)
		require.Len(t, roots, 1, f.place)
		f.place.A.Cluster = "east"
		if f.place.Kind == localize.KindPair {
			f.place.B.Cluster = "east"
		}
		assert.Equal(t, f.place, roots[0].Place)
		assert.Contains(t, roots[0].Place.String(), " east/")
		assert.Zero(t, roots[0].BadElsewhere)
		assert.Equal(t, len(bad), roots[0].Bad)
	}
}

// Zones have names of their cluster, too.
func TestZonesOfTwoClusters(t *testing.T) {
	east := localize.End{Workload: localize.Name{Cluster: "east", Name: "a"}, Zone: "z1"}
	west := localize.End{Workload: localize.Name{Cluster: "west", Name: "a"}, Zone: "z1"}
	assert.NotEqual(t, east.InZone(), west.InZone())
	assert.Equal(t, localize.Name{}, (&localize.End{Workload: east.Workload}).InZone(), "of no zone")
	assert.Equal(t, localize.Name{Name: "z1"}, (&localize.End{Zone: "z1"}).InZone(), "of no cluster")
}
