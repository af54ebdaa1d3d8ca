// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// TestSweepPassesNobodyOver holds more connections open than a sweep visits in one
// stretch, while others close all the time: each collection has all of them.
func TestSweepPassesNobodyOver(t *testing.T) {
	const n = 3000
	quiet, busy := newPlace(t), newPlace(t)
	path := traffic.Loopback(quiet.NS, quiet.IPv4.String())
	k := observe(t, Config{})
	for range n {
		path.Open(t)
	}

	k.collectWhile(func() error {
		return busy.Try(func() error { return openAndClose(busy.IPv4, 4_000) })
	}, func() {
		s := k.sum(quiet.here())
		require.EqualValues(t, 2*n, s.Opened)
		require.EqualValues(t, 2*n, s.Live[unix.BPF_TCP_ESTABLISHED])
	})
	k.untilClosed(2*4_000, busy.here())
}
