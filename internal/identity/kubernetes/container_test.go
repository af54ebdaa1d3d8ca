// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"cmp"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

func TestSeveralContainers(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(spec{name: "cart", node: "n1", ips: []string{"10.0.0.1"}, started: 1, containers: 2}.pod())
	local := func(container string) *identity.Identity {
		return w.store.Local(identity.Local{ContainerID: container, PodUID: "uid-of-cart"}, uint64(w.clock.UnixNano()))
	}
	require.Same(t, local("id-of-cart-c0"), local("id-of-cart-c1"))
	require.Equal(t, "c0", w.store.ContainerName("id-of-cart-c0"))
	require.Equal(t, "c1", w.store.ContainerName("id-of-cart-c1"))
	require.Empty(t, w.store.ContainerName("another"))
	require.Empty(t, local("another").Container, "which of them is not known")
	require.Empty(t, w.store.Remote(netip.MustParseAddr("10.0.0.1"), 80, uint64(w.clock.UnixNano())).Container, "nor at the other end")
}

// TestContainerJoinsAnother is a pod that gets an ephemeral container: both are found while they
// are.
func TestContainerJoinsAnother(t *testing.T) {
	w := newWorld(t).at(5)
	cart := spec{name: "cart", node: "n1", ips: []string{"10.0.0.1"}, started: 1, containers: 1}
	name := func(container string) string {
		id := w.store.Local(identity.Local{ContainerID: container}, uint64(w.clock.UnixNano()))
		if id == nil {
			return ""
		}
		return id.Pod + "/" + cmp.Or(id.Container, w.store.ContainerName(container))
	}
	w.see(cart.pod())
	require.Equal(t, "cart/c0", name("id-of-cart-c0"))
	cart.containers = 2
	w.see(cart.pod())
	require.Equal(t, "cart/c0", name("id-of-cart-c0"))
	require.Equal(t, "cart/c1", name("id-of-cart-c1"))
	cart.containers = 1
	w.see(cart.pod())
	require.Equal(t, "cart/c0", name("id-of-cart-c0"))
	require.Empty(t, name("id-of-cart-c1"))
	w.lose(cart.pod())
	require.Equal(t, "cart/c0", name("id-of-cart-c0"), "for the grace period")
	w.at(500).store.expire()
	require.Empty(t, name("id-of-cart-c0"))
}

// TestMirrorMadeAnew is a static pod whose mirror was deleted and made anew: its containers
// went on, and are the new one's.
func TestMirrorMadeAnew(t *testing.T) {
	for containers := 1; containers <= 2; containers++ {
		w := newWorld(t).at(5)
		mirror := func(uid types.UID) *corev1.Pod {
			p := spec{name: "apiserver", node: "n1", hostNetwork: true, started: 1, containers: containers}.pod()
			p.UID = uid
			return p
		}
		uid := func() string {
			return w.store.Local(identity.Local{ContainerID: "id-of-apiserver-c0"}, uint64(w.clock.UnixNano())).PodUID()
		}
		w.see(mirror("one"))
		w.lose(mirror("one"))
		w.at(6).see(mirror("two"))
		require.Equal(t, "two", uid())
		w.lose(mirror("two"))
		w.at(7).see(mirror("three"))
		require.Equal(t, "three", uid())
		w.at(500).store.expire()
		require.Equal(t, "three", uid())
	}
}
