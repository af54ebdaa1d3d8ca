// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
)

// Who sees some pods only is not told who has an address after one of them: it is unknown from then on,
// unless the address is of a range that the node has for itself.
func TestAddressOfAPodThatIsGoneAndOthersAreNotSeen(t *testing.T) {
	withRange := func(n *corev1.Node) *corev1.Node { n.Spec.PodCIDRs = []string{"10.0.0.0/24"}; return n }
	node := func() *corev1.Node { return nodeObject("n1", "z1", "192.168.0.1") }
	for _, test := range []struct {
		name string
		Config
		node *corev1.Node
		then string // who has the address after the pod, within the grace
	}{
		{"all are seen", Config{}, node(), "a"},
		{"those of one node", Config{Scope: ScopeNode, Filter: FilterConfig{Node: "n1"}}, node(), "unknown"},
		{"those of one node, which has a range", Config{Scope: ScopeNode, Filter: FilterConfig{Node: "n1"}}, withRange(node()), "a"},
		{"those of one namespace", Config{Filter: FilterConfig{Namespace: "shop"}}, withRange(node()), "unknown"},
		{"those with a label", Config{Filter: FilterConfig{Labels: []FieldFilterConfig{{Key: "app", Op: "exists"}}}}, withRange(node()), "unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.store = NewStore(&test.Config, w.time())
			w.at(1).see(test.node)
			a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
			w.at(13).see(a.pod())
			assert.Equal(t, "a", w.remote("10.0.0.1", 80, 13))
			w.at(20).lose(a.pod())
			assert.Equal(t, test.then, w.remote("10.0.0.1", 80, 60))
		})
	}
}
