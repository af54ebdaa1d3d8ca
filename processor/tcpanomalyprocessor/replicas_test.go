// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpanomalyprocessor

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/tcpwhy/tcpwhy/internal/anomaly"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// replicas are gateways as docs/enrichment.md has them: several add up, to each of which
// a balancer gives the resources that it gave it before, and one decides, which is told all.
type replicas struct {
	t        *testing.T
	adders   []*stage
	decides  *stage
	balancer map[string]int // by resource
}

func startReplicas(t *testing.T, folder string, n int) *replicas {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(folder, "config.yaml"))
	require.NoError(t, err)
	start := func(more string) *stage {
		path := filepath.Join(t.TempDir(), "config.yaml")
		require.NoError(t, os.WriteFile(path, append(config, more...), 0o600))
		return startStage(t, path)
	}
	r := &replicas{t: t, decides: start("\naggregate: none\n"), balancer: make(map[string]int)}
	for range n {
		r.adders = append(r.adders, start("\ndetection: {enabled: false}\n"))
	}
	return r
}

// pass lets time pass everywhere.
func (r *replicas) pass(d time.Duration) {
	r.decides.pass(d)
	for _, s := range r.adders {
		s.pass(d)
	}
}

// tell hands out what agents tell.
func (r *replicas) tell(md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		key := fmt.Sprint(rm.Resource().Attributes().AsRaw())
		if _, ok := r.balancer[key]; !ok {
			r.balancer[key] = len(r.balancer) % len(r.adders)
		}
		share := pmetric.NewMetrics()
		rm.CopyTo(share.ResourceMetrics().AppendEmpty())
		require.NoError(r.t, r.adders[r.balancer[key]].metrics.ConsumeMetrics(r.t.Context(), share))
	}
	require.NoError(r.t, r.decides.metrics.ConsumeMetrics(r.t.Context(), md))
}

// Flows add up over all replicas, and one fault is one problem of one of them.
func TestReplicasAddUpAndOneDecides(t *testing.T) {
	for _, name := range []string{"loss", "connect-refused", "accept-overflow"} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join("testdata/golden", name)
			script := readScript(t, filepath.Join(folder, "in.yaml"))
			r := startReplicas(t, folder, 2)
			began := r.decides.now
			interval := r.decides.cfg.(*anomaly.Config).Interval
			p := newPlayer(t, began.Add(time.Second))
			for _, step := range script.Steps {
				for range step.Intervals {
					began = began.Add(interval)
					r.pass(interval)
					r.tell(p.tell(script, step.Flows, began.Add(-time.Second)))
				}
			}
			r.pass(interval)

			got := make(map[string]float64)
			for i, s := range r.adders {
				logs, _, sums, _ := s.end()
				assert.Zero(t, logs.LogRecordCount(), "replica %d", i)
				assert.NotEmpty(t, sums, "replica %d", i)
				for name, sum := range sums {
					got[name] += sum
				}
			}
			assert.InDeltaMapValues(t, p.sums(), got, 1e-9)
			logs, _, _, _ := r.decides.end()
			assert.ElementsMatch(t, script.Opens, opened(logs, names.ProblemState, names.ProblemType))
		})
	}
}
