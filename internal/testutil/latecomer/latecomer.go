// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

// Package latecomer counts segments that came too late: each found its socket, and
// while it waited for the lock another CPU closed that. The kernel counts it in the
// socket's total all the same and drops it without an answer, so that a socket which
// has told its last totals by then tells nobody.
package latecomer

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A Count is of segments that found a socket which was closed before they had its lock.
type Count struct {
	Untold uint64 // the socket was destroyed by then
	Resets uint64 // RSTs, of a socket that was destroyed or not
}

// A Witness counts until the test ends. It knows connections over IPv4 that were
// closed since it began.
type Witness struct {
	t       testing.TB
	objects latecomerObjects
}

// Watch begins to count, on the whole machine.
func Watch(t testing.TB) *Witness {
	t.Helper()
	root.Require(t)
	w := &Witness{t: t}
	require.NoError(t, loadLatecomerObjects(&w.objects, nil))
	t.Cleanup(func() { _ = w.objects.Close() })
	w.attach("inet_sock_set_state", w.objects.LatecomerState)
	w.attach("tcp_destroy_sock", w.objects.LatecomerDestroy)
	w.attach("kfree_skb", w.objects.LatecomerDrop)
	return w
}

func (w *Witness) attach(name string, program *ebpf.Program) {
	w.t.Helper()
	l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: name, Program: program})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = l.Close() })
}

// To returns what came to an address since Watch. It fails the test if the witness
// had no room for an address.
func (w *Witness) To(address netip.Addr) Count {
	w.t.Helper()
	var lost uint64
	require.NoError(w.t, w.objects.Lost.Get(&lost))
	require.Zero(w.t, lost, "too many addresses")
	var count latecomerCount
	if err := w.objects.Counts.Lookup(address.As4(), &count); !errors.Is(err, ebpf.ErrKeyNotExist) {
		require.NoError(w.t, err)
	}
	return Count{Untold: count.Untold, Resets: count.Resets}
}
