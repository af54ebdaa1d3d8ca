// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// serviceSince is one of a cluster address, created some seconds after the beginning.
func serviceSince(name string, created float64, ips ...string) *corev1.Service {
	s := serviceObject(name, ips, 80)
	s.CreationTimestamp = seconds(created)
	return s
}

// lostServices is when the API server told of services last.
func (w *world) lostServices(at float64) {
	w.store.services.gaps.open(base.Add(time.Duration(at * float64(time.Second))).UnixNano())
}

// TestServiceThatNobodySaw has an address change hands in a gap: from a service that was known
// to one that came and went unseen, then to one that a list tells.
func TestServiceThatNobodySaw(t *testing.T) {
	w := newWorld(t).at(5)
	kept, left := serviceSince("kept", 1, "10.96.0.1"), serviceSince("left", 1, "10.96.0.2")
	w.see(kept)
	w.see(left)
	w.lostServices(20)
	require.Equal(t, "left", w.remote("10.96.0.2", 80, 35), "the last known state")

	require.NoError(t, w.at(60).store.Services().Replace([]any{kept}, "9"))
	require.Equal(t, "left", w.remote("10.96.0.2", 80, 19))
	require.Equal(t, "unknown", w.remote("10.96.0.2", 80, 35), "another may have come and gone")
	require.Equal(t, "left", w.remote("10.96.0.2", 80, 60), "nobody has it")
	require.Equal(t, "kept", w.remote("10.96.0.1", 80, 35))

	w.at(61).lose(left)
	w.see(serviceSince("next", 60.5, "10.96.0.2"))
	require.Equal(t, "next", w.remote("10.96.0.2", 80, 62))
	require.Equal(t, "unknown", w.remote("10.96.0.2", 80, 35))
	w.at(300).store.expire()
	require.Empty(t, *w.store.services.gaps.all.Load())
}

// TestServiceThatALongGapTells is known for certain since the second after it was created,
// even if it was created while nobody was told.
func TestServiceThatALongGapTells(t *testing.T) {
	w := newWorld(t).at(5)
	w.lostServices(20)
	require.NoError(t, w.at(60).store.Services().Replace([]any{serviceSince("new", 40, "10.96.0.2")}, "9"))
	require.Equal(t, "unknown", w.remote("10.96.0.2", 80, 40.5), "in its first second another may have had it")
	require.Equal(t, "new", w.remote("10.96.0.2", 80, 41))
}

// TestServiceGapThatHeals is one of a watch that went on where it was.
func TestServiceGapThatHeals(t *testing.T) {
	w := newWorld(t).at(5)
	left := serviceSince("left", 1, "10.96.0.2")
	w.see(left)
	w.lostServices(20)
	w.at(30).lose(left)
	require.Equal(t, "unknown", w.remote("10.96.0.2", 80, 25))
	w.store.services.gaps.heal()
	require.Equal(t, "left", w.remote("10.96.0.2", 80, 25))
}

// TestServiceBecomesDualStack and takes an address that was another's until then.
func TestServiceBecomesDualStack(t *testing.T) {
	w := newWorld(t).at(5)
	other := serviceSince("other", 2, "fd00:96::1")
	w.see(other)
	w.see(serviceSince("web", 1, "10.96.0.1"))
	w.at(50).lose(other)
	w.at(51).see(serviceSince("web", 1, "10.96.0.1", "fd00:96::1"))
	require.Equal(t, "unknown", w.remote("fd00:96::1", 80, 40), "it was other's")
	require.Equal(t, "web", w.remote("fd00:96::1", 80, 51))
	require.Equal(t, "web", w.remote("10.96.0.1", 80, 40))
}

// TestServiceGetsAnAddressLate that was another's until then.
func TestServiceGetsAnAddressLate(t *testing.T) {
	w := newWorld(t).at(5)
	other := serviceSince("other", 2, "10.96.0.2")
	w.see(other)
	w.see(serviceSince("web", 1, "")) // an ExternalName has none
	w.at(50).lose(other)
	w.at(51).see(serviceSince("web", 1, "10.96.0.2"))
	require.Equal(t, "unknown", w.remote("10.96.0.2", 80, 40), "it was other's")
	require.Equal(t, "web", w.remote("10.96.0.2", 80, 51))
}

// TestHeadlessServiceHasNoAddress at all, not even an external one that is written in it: no
// kube-proxy translates it. A pod may have it.
func TestHeadlessServiceHasNoAddress(t *testing.T) {
	w := newWorld(t).at(5)
	for _, none := range []string{"None", ""} {
		s := serviceObject("headless", []string{none}, 80)
		s.Spec.ExternalIPs = []string{"10.0.0.1"}
		w.see(s)
		require.Equal(t, "stranger", w.remote("10.0.0.1", 80, 5))
	}
}

// TestNodeThatNobodySaw is as with services.
func TestNodeThatNobodySaw(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(nodeObject("n1", "z1", "192.168.0.1"))
	w.store.nodes.gaps.open(base.Add(20 * time.Second).UnixNano())
	require.NoError(t, w.at(60).store.Nodes().Replace([]any{nodeObject("n2", "z1", "192.168.0.2")}, "9"))
	require.Equal(t, "n1", w.remote("192.168.0.1", 22, 19))
	require.Equal(t, "unknown", w.remote("192.168.0.1", 22, 30))
	require.Equal(t, "unknown", w.remote("192.168.0.2", 22, 30))
	require.Equal(t, "n2", w.remote("192.168.0.2", 22, 60))
}
