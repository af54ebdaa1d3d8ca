// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// limit is the detectors' threshold.
const limit = 18.3

// A cluster is made of workloads with a few pods each, spread over nodes in two zones;
// every pod of a workload calls every pod of some others.
type cluster struct {
	edges []localize.Edge
}

func newCluster(seed uint64, workloads, pods, nodes, calls int) *cluster {
	random := rand.New(rand.NewPCG(seed, 0))
	ends := make([][]localize.End, workloads)
	for w := range ends {
		for p := range pods {
			node := random.IntN(nodes)
			ends[w] = append(ends[w], localize.End{
				Workload: workload(w), Pod: pod(w, p), Node: fmt.Sprintf("node-%d", node), Zone: fmt.Sprintf("zone-%d", node%2),
			})
		}
	}
	c := &cluster{}
	for w := range ends {
		for _, other := range random.Perm(workloads)[:calls] {
			if other == w {
				continue
			}
			for _, from := range ends[w] {
				for _, to := range ends[other] {
					c.edges = append(c.edges, localize.Edge{From: from, To: to}, localize.Edge{From: to, To: from})
				}
			}
		}
	}
	return c
}

func workload(w int) localize.Name {
	return localize.Name{Namespace: "shop", Kind: "Deployment", Name: fmt.Sprintf("service-%d", w)}
}

func pod(w, p int) localize.Name {
	return localize.Name{Namespace: "shop", Name: fmt.Sprintf("service-%d-%d", w, p)}
}

// split makes those edges bad that hit a fault, but for a share that the detectors miss.
func (c *cluster) split(random *rand.Rand, missed float64, hit func(*localize.Edge) bool) (bad, healthy []localize.Edge) {
	for _, e := range c.edges {
		switch {
		case !hit(&e):
			healthy = append(healthy, e)
		case random.Float64() >= missed:
			e.Evidence = limit + random.Float64()*20
			bad = append(bad, e)
		}
	}
	return bad, healthy
}
