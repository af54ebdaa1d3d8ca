// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// TestReusedAddress follows one address from a pod to the next.
func TestReusedAddress(t *testing.T) {
	w := newWorld(t)
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	w.at(12.5).see(a.pod())
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 9), "before it was created")
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 11), "nobody else may have had it")
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 100))

	a.deleting = 20
	w.at(20.1).see(a.pod())
	w.at(21.2).lose(a.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 21))
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 30), "what it said last comes after its end")

	b := spec{name: "b", node: "n1", created: 21.5}
	w.at(21.6).see(b.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 20.9))
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 22), "b may have got it")
	b.ips = []string{"10.0.0.1"}
	w.at(22.4).see(b.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 20.5))
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 22), "either may have had it")
	require.Equal(t, "b", w.remote("10.0.0.1", 80, 22.5))
	b.started = 22
	w.at(24).see(b.pod())
	require.Equal(t, "b", w.remote("10.0.0.1", 80, 22.4), "it does not become less certain")
	require.Equal(t, "b", w.remote("10.0.0.1", 80, 1000))

	w.at(200).store.expire()
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 15), "a is forgotten")
	require.Equal(t, "b", w.remote("10.0.0.1", 80, 22), "nobody else is known to have had it")
}

func TestPodThatWaitsGetsAnother(t *testing.T) {
	w := newWorld(t)
	w.see(withRange(nodeObject("n1", "z1"), "10.0.0.0/24"))
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	w.at(13).see(a.pod())
	w.at(20).lose(a.pod())
	b := spec{name: "b", node: "n1", created: 21}
	w.at(21.1).see(b.pod())
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 22))
	w.see(spec{name: "other", node: "n2", created: 21}.pod())
	b.ips = []string{"10.0.0.2"}
	w.at(22).see(b.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 22), "b has another; other is on another node")
	require.Equal(t, "b", w.remote("10.0.0.2", 80, 22))
}

// withRange lets a node have a range of its own for its pods.
func withRange(n *corev1.Node, cidrs ...string) *corev1.Node {
	n.Spec.PodCIDR, n.Spec.PodCIDRs = cidrs[0], cidrs
	return n
}

// TestPodOnAnotherNodeGetsIt, where addresses are dealt out to all nodes alike, and before its
// kubelet says so.
func TestPodOnAnotherNodeGetsIt(t *testing.T) {
	for name, test := range map[string]struct {
		cidrs []string
		want  string
	}{
		"no range":                     {nil, "unknown"},
		"a range that nobody keeps to": {[]string{"10.9.0.0/24"}, "unknown"},
		"its node's range":             {[]string{"fd00::/64", "10.0.0.0/24"}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if n := nodeObject("n1", "z1"); test.cidrs != nil {
				w.see(withRange(n, test.cidrs...))
			}
			a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
			w.at(13).see(a.pod())
			w.at(20).lose(a.pod())
			require.Equal(t, "a", w.remote("10.0.0.1", 80, 20.5))
			b := spec{name: "b", node: "n2", created: 20}
			w.at(20.6).see(b.pod())
			require.Equal(t, test.want, w.remote("10.0.0.1", 80, 21.5))
			b.ips, b.started = []string{"10.0.0.2"}, 21
			w.at(22).see(b.pod())
			require.Equal(t, "a", w.remote("10.0.0.1", 80, 22), "it got another one")
		})
	}
}

func TestWaitingPodThatIsDeletedWaitsNoMore(t *testing.T) {
	w := newWorld(t)
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	w.at(13).see(a.pod())
	w.at(20).lose(a.pod())
	b := spec{name: "b", node: "n1", created: 21}
	w.at(21.1).see(b.pod())
	w.at(22).lose(b.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 23))
}

// TestTwoLivePodsOfOneAddress is when the end of one is told late, or never: its node
// may be away.
func TestTwoLivePodsOfOneAddress(t *testing.T) {
	w := newWorld(t)
	w.at(13).see(spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}.pod())
	w.at(23).see(spec{name: "b", node: "n2", ips: []string{"10.0.0.1"}, created: 20, started: 21}.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 15))
	require.Equal(t, "b", w.remote("10.0.0.1", 80, 22))
	w.at(24).see(spec{name: "c", node: "n3", ips: []string{"10.0.0.1"}, created: 20, started: 21}.pod())
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 24), "both since the same second")
}

// TestPodThatLivesForLessThanASecond is not taken for the next one, whose container started
// in the same second.
func TestPodThatLivesForLessThanASecond(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}} {
		w := newWorld(t).at(30)
		all := []spec{
			{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 20, started: 20, deleting: 20},
			{name: "b", node: "n1", ips: []string{"10.0.0.1"}, created: 20, started: 20, deleting: 20},
			{name: "c", node: "n1", ips: []string{"10.0.0.1"}, created: 20, started: 20},
		}
		for _, i := range order {
			w.see(all[i].pod())
		}
		w.lose(all[0].pod())
		w.lose(all[1].pod())
		require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 20.5))
		require.Equal(t, "c", w.remote("10.0.0.1", 80, 21))
		w.lose(all[2].pod())
		require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 21), "it may have been as short")
	}
}

// TestPodsThatFinish have addresses until nobody knows when.
func TestPodsThatFinish(t *testing.T) {
	w := newWorld(t)
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12, once: true}
	w.at(14).see(a.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 30))
	b := spec{name: "b", node: "n1", created: 30, once: true}
	w.at(30).see(b.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 29.9))
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 30), "a may be over, and b have its address")
	b.ips, b.started = a.ips, 31
	w.at(33).see(b.pod())
	w.at(33.5).lose(a.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 29))
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 31))
	require.Equal(t, "b", w.remote("10.0.0.1", 80, 33))
}

func TestPodChangesItsAddress(t *testing.T) {
	w := newWorld(t)
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1", "fd00::1"}, created: 10, started: 12}
	w.at(13).see(a.pod())
	a.ips = []string{"10.0.0.2", "fd00::1"}
	w.at(50).see(a.pod())
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 40))
	require.Equal(t, "a", w.remote("10.0.0.2", 80, 50))
	require.Equal(t, "a", w.remote("fd00::1", 80, 50))
	w.at(200).store.expire()
	require.Equal(t, "stranger", w.remote("10.0.0.1", 80, 40))
	require.Equal(t, "a", w.remote("fd00::1", 80, 200))
	w.lose(a.pod())
	require.Equal(t, Sizes{Deleted: 1}, w.store.sizes)
	w.at(400).store.expire()
	require.Equal(t, "stranger", w.remote("fd00::1", 80, 200))
	require.Nil(t, w.store.byUID("uid-of-a"))
	require.Nil(t, w.store.byContainer(hash("id-of-a-c0")))
}

func TestListTellsWhatWasMissed(t *testing.T) {
	w := newWorld(t)
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	b := spec{name: "b", node: "n1", ips: []string{"10.0.0.2"}, created: 10, started: 12}
	c := spec{name: "c", node: "n1", ips: []string{"10.0.0.1"}, created: 40, started: 41}
	require.NoError(t, w.at(13).store.Pods().Replace([]any{a.pod(), b.pod()}, "1"))
	w.lost(30)
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 59), "the last known state")
	require.NoError(t, w.at(60).store.Pods().Replace([]any{b.pod(), c.pod()}, "9"))
	require.Equal(t, Sizes{Pods: 2, Deleted: 1}, w.store.sizes)
	require.Equal(t, "a", w.remote("10.0.0.1", 80, 29))
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 30), "another may have come and gone")
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 41))
	require.Equal(t, "c", w.remote("10.0.0.1", 80, 42))
	require.Equal(t, "b", w.remote("10.0.0.2", 80, 42))
}
