// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

// Package twin counts sockets that a host made of a handshake in vain: where the
// acknowledgement that ends it and the client's first data are received by two CPUs at
// once, each of them makes a socket. The first one in the hash table is the connection,
// and the other one is thrown away before it was anything. The kernel counts both as
// opened (PassiveOpens).
package twin

import (
	"testing"

	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A Witness counts until the test ends.
type Witness struct {
	t       testing.TB
	objects twinObjects
}

// Watch begins to count, on the whole machine.
func Watch(t testing.TB) *Witness {
	t.Helper()
	root.Require(t)
	w := &Witness{t: t}
	require.NoError(t, loadTwinObjects(&w.objects, nil))
	t.Cleanup(func() { _ = w.objects.Close() })
	l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "inet_sock_set_state", Program: w.objects.Twin})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return w
}

// Of returns how many a namespace has thrown away. One that was reset while its handshake
// went on, which takes two SYNs at once or one with data, looks the same.
func (w *Witness) Of(ns *netns.NS) uint64 {
	w.t.Helper()
	return ns.Counted(w.t, w.objects.Unborn, w.objects.Lost)
}
