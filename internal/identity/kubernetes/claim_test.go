// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// A load balancer may have the address of a node: who comes from there, with a port that is nobody's, is
// the node, and no service.
func TestClientFromABalancersAddress(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(nodeObject("n1", "z1", "192.168.0.1"))
	w.see(balanced(serviceObject("traefik", []string{"10.96.0.2"}, 443), "192.168.0.1"))
	assert.Equal(t, "traefik", w.remote("192.168.0.1", 443, 6))
	assert.Equal(t, "n1", w.remote("192.168.0.1", 0, 6))
	assert.Equal(t, "traefik", w.remote("10.96.0.2", 0, 6), "this one is nobody else's")
}

// A node that has no address, and went while nobody looked, is gone.
func TestNodeWithoutAnAddressGoesUnseen(t *testing.T) {
	w := newWorld(t).at(5)
	w.see(nodeObject("n1", "z1"))
	assert.NotNil(t, w.store.Local(identity.Local{HostName: "n1"}, uint64(w.clock.UnixNano())))
	assert.NoError(t, w.store.Nodes().Replace([]any{nodeObject("n2", "z1", "192.168.0.2")}, ""))
	assert.Nil(t, w.store.Local(identity.Local{HostName: "n1"}, uint64(w.clock.UnixNano())))
	assert.NotNil(t, w.store.Local(identity.Local{HostName: "n2"}, uint64(w.clock.UnixNano())))
}
