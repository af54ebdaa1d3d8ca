// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestResourcesWithoutFlowsAreNotKept has resources whose points all come to nothing,
// over and over, as those of processes that are gone do.
func TestResourcesWithoutFlowsAreNotKept(t *testing.T) {
	for what, points := range map[string]string{
		"invalid": "tcp.flow.io sum cumulative\n  {} 5s..10s -1",
		"ended":   "tcp.flow.io sum cumulative\n  {} 5s..10s none",
		"refused": "tcp.flow.io sum cumulative\n  {} 5s..10s 1",
		"none":    "tcp.flow.io sum cumulative",
	} {
		t.Run(what, func(t *testing.T) {
			cfg := CreateDefaultConfig().(*Config)
			cfg.Aggregate, cfg.MaxInputSeries = AggregateWorkload, 1
			r := newReducer(cfg, strangers, "gateway", instant(0))
			add := func(pid int, points string) {
				md := parse(t, fmt.Sprintf("resource {process.pid=%d(Int)}\n%s", pid, points))
				r.add(md.ResourceMetrics(), instant(10))
			}
			add(0, "tcp.flow.io sum cumulative\n  {} 5s..10s 1") // takes the only room
			for pid := range 100 {
				add(1+pid, points)
			}
			require.Equal(t, 1, len(r.localities))
			require.Equal(t, 1, len(r.flows))
		})
	}
}
