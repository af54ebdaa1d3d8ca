// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package netns

import (
	"errors"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
)

// Counted returns what a BPF program has counted of a namespace, in a map by the number of its inode. Lost is what it found no
// room for.
func (ns *NS) Counted(t testing.TB, counts *ebpf.Map, lost *ebpf.Variable) (n uint64) {
	t.Helper()
	var missing uint64
	require.NoError(t, lost.Get(&missing))
	require.Zero(t, missing, "the program had no room")
	if err := counts.Lookup(uint32(ns.Inode()), &n); !errors.Is(err, ebpf.ErrKeyNotExist) {
		require.NoError(t, err)
	}
	return n
}
