// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

func TestAffected(t *testing.T) {
	begin := time.Unix(0, 0)
	g := localize.NewGraph(100)
	g.Add(workload(1), workload(0), begin)
	g.Add(workload(2), workload(1), begin)
	g.Add(workload(0), workload(2), begin) // a circle
	g.Add(workload(3), workload(4), begin) // elsewhere
	assert.Equal(t, []localize.Name{workload(1), workload(2)}, g.Affected([]localize.Name{workload(0)}))
	assert.Empty(t, g.Affected([]localize.Name{workload(9)}))
}

func TestCallersAreForgotten(t *testing.T) {
	begin := time.Unix(0, 0)
	g := localize.NewGraph(2)
	g.Add(workload(1), workload(0), begin)
	g.Add(workload(2), workload(0), begin)
	g.Add(workload(3), workload(0), begin)
	assert.EqualValues(t, 1, g.Dropped(), "no room")
	g.Add(workload(2), workload(0), begin.Add(5*time.Minute))
	g.Add(workload(2), workload(0), begin) // late
	g.Forget(begin.Add(11 * time.Minute))
	assert.Equal(t, []localize.Name{workload(2)}, g.Affected([]localize.Name{workload(0)}))
	g.Add(workload(3), workload(0), begin.Add(11*time.Minute))
	assert.Equal(t, []localize.Name{workload(2), workload(3)}, g.Affected([]localize.Name{workload(0)}), "room again")
}

func TestDepthIsBounded(t *testing.T) {
	g := localize.NewGraph(100)
	for i := range 20 {
		g.Add(workload(i+1), workload(i), time.Unix(0, 0))
	}
	assert.Len(t, g.Affected([]localize.Name{workload(0)}), 10)
}
