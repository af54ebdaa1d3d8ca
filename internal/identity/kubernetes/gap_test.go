// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lost is when the API server told something last.
func (w *world) lost(seconds float64) {
	w.store.gaps.open(base.Add(time.Duration(seconds * float64(time.Second))).UnixNano())
}

// TestGapIsOfWhomNobodySaw has pods that may have left their address, in a gap: somebody
// who is gone since may have had it.
func TestGapIsOfWhomNobodySaw(t *testing.T) {
	w := newWorld(t)
	w.see(withRange(nodeObject("n1", "z1"), "10.0.0.0/24"))
	alive := spec{name: "alive", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	gone := spec{name: "gone", node: "n1", ips: []string{"10.0.0.2"}, created: 10, started: 12, deleting: 18}
	leaving := spec{name: "leaving", node: "n1", ips: []string{"10.0.0.3"}, created: 10, started: 12, deleting: 18}
	once := spec{name: "once", node: "n1", ips: []string{"10.0.0.4"}, created: 10, started: 12, once: true}
	all := []spec{alive, gone, leaving, once}
	for _, s := range all {
		w.at(19).see(s.pod())
	}
	w.at(19.5).lose(gone.pod())
	ask := func(seconds float64) (told []string) {
		for _, s := range all {
			told = append(told, w.remote(s.ips[0], 80, seconds))
		}
		return told
	}
	everybody := []string{"alive", "gone", "leaving", "once"}
	require.Equal(t, everybody, ask(25))

	w.lost(20)
	w.lost(22) // it is the same gap still
	sure := []string{"alive", "unknown", "unknown", "unknown"}
	require.Equal(t, everybody, ask(19.9))
	require.Equal(t, sure, ask(20))
	require.Equal(t, sure, ask(25))
	w.store.gaps.heal()
	require.Equal(t, everybody, ask(25), "all was told afterwards")

	w.lost(20)
	require.NoError(t, w.at(30).store.Pods().Replace([]any{alive.pod(), leaving.pod(), once.pod()}, "9"))
	require.Equal(t, everybody, ask(19.9))
	require.Equal(t, sure, ask(20))
	require.Equal(t, sure, ask(29.9))
	require.Equal(t, everybody, ask(30), "nobody else has what they had")
	w.store.gaps.heal()
	require.Equal(t, sure, ask(29.9), "a list tells nothing of before")
	w.at(150).store.expire()
	require.Empty(t, *w.store.gaps.all.Load())
}

// TestListTellsOnlyWhoIs has a pod that is listed first with its address: who had it
// before its container started is not known, even if its kubelet knew it by then.
func TestListTellsOnlyWhoIs(t *testing.T) {
	w := newWorld(t)
	waited := spec{name: "waited", node: "n1", created: 15}
	w.at(16).see(waited.pod())
	w.lost(20)
	waited.ips, waited.started = []string{"10.0.0.1"}, 28
	came := spec{name: "came", node: "n1", ips: []string{"10.0.0.2"}, created: 15, started: 28}
	require.NoError(t, w.at(40).store.Pods().Replace([]any{waited.pod(), came.pod()}, "9"))
	for _, s := range []spec{waited, came} {
		require.Equal(t, "unknown", w.remote(s.ips[0], 80, 28))
		require.Equal(t, s.name, w.remote(s.ips[0], 80, 29))
	}
	waited.deleting = 50
	w.at(50).see(waited.pod())
	require.Equal(t, "unknown", w.remote("10.0.0.1", 80, 28), "it does not become more certain")
	require.Equal(t, "waited", w.remote("10.0.0.1", 80, 51))
}

// TestNodeThatRestartsDealsAddressesAnew has two pods change theirs with each other, under
// the same UIDs. When their containers started before, they had others.
func TestNodeThatRestartsDealsAddressesAnew(t *testing.T) {
	w := newWorld(t)
	a := spec{name: "a", node: "n1", ips: []string{"10.0.0.1"}, created: 10, started: 12}
	b := spec{name: "b", node: "n1", ips: []string{"10.0.0.2"}, created: 10, started: 12}
	w.at(13).see(a.pod())
	w.see(b.pod())
	for i, s := range []spec{a, b} {
		p := s.pod()
		p.Status.PodIPs[0].IP = []spec{b, a}[i].ips[0]
		p.Status.ContainerStatuses[0].LastTerminationState.Terminated = before(12, 20)
		p.Status.ContainerStatuses[0].State.Running.StartedAt = seconds(40)
		w.at(42).see(p)
	}
	for _, at := range []float64{13, 30, 40} {
		require.NotEqual(t, "b", w.remote("10.0.0.1", 80, at), at)
		require.NotEqual(t, "a", w.remote("10.0.0.2", 80, at), at)
	}
	require.Equal(t, "b", w.remote("10.0.0.1", 80, 41))
	require.Equal(t, "a", w.remote("10.0.0.2", 80, 41))
}
