// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

// Package expiry counts retransmission timers that expired and sent nothing: what they
// would have sent again was still on its way out of the host, as it may be where a CPU
// stands still for longer than the timer. The kernel counts it as a timeout all the
// same (TCPTimeouts), and apart together with other kinds (TCPSpuriousRtxHostQueues).
package expiry

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A Witness counts until the test ends. It knows clients that connected since it began.
type Witness struct {
	t       testing.TB
	objects expiryObjects
}

// Watch begins to count in a cgroup.
func Watch(t testing.TB, cgroup string) *Witness {
	t.Helper()
	root.Require(t)
	w := &Witness{t: t}
	require.NoError(t, loadExpiryObjects(&w.objects, nil))
	t.Cleanup(func() { _ = w.objects.Close() })
	l, err := link.AttachCgroup(link.CgroupOptions{Path: cgroup, Attach: ebpf.AttachCGroupSockOps, Program: w.objects.Expiry})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return w
}

// Idle returns how many timers of a namespace's clients have expired and sent nothing.
// The last one of a connection is known when that has sent again, or has ended.
func (w *Witness) Idle(ns *netns.NS) uint64 {
	w.t.Helper()
	return ns.Counted(w.t, w.objects.Idle, w.objects.Lost)
}
