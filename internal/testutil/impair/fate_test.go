// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package impair

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const packets = 100_000

func TestSeedDecides(t *testing.T) {
	config := Config{Delay: time.Millisecond, Jitter: time.Millisecond, Loss: 20, Seed: 7}
	first, again := fatesOf(config), fatesOf(config)
	require.Equal(t, first, again)

	config.Seed++
	require.NotEqual(t, first, fatesOf(config))
}

func TestImpairmentsAreIndependent(t *testing.T) {
	lossOnly := fatesOf(Config{Loss: 20})
	both := fatesOf(Config{Loss: 20, Jitter: time.Second, Reorder: 100, ReorderBy: time.Second})
	for i := range packets {
		require.Equal(t, lossOnly[i].drop, both[i].drop)
	}
}

func TestShares(t *testing.T) {
	var dropped, late int
	for _, fate := range fatesOf(Config{Delay: time.Second, Jitter: time.Second, Loss: 20, Reorder: 100, ReorderBy: time.Minute}) {
		if fate.drop {
			dropped++
		}
		delay := fate.delay
		if fate.late {
			late++
			delay -= time.Minute
		}
		require.GreaterOrEqual(t, delay, time.Second)
		require.Less(t, delay, 2*time.Second)
	}
	require.InDelta(t, 0.02*packets, dropped, 200)
	require.InDelta(t, 0.1*packets, late, 500)
}

func fatesOf(config Config) []fate {
	f, all := newFates(config), make([]fate, packets)
	for i := range all {
		all[i] = f.next()
	}
	return all
}

func FuzzPayload(f *testing.F) {
	syn := make([]byte, 40)
	copy(syn, []byte{0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6})
	syn[32] = 5 << 4
	f.Add(syn)
	f.Fuzz(func(t *testing.T, packet []byte) {
		bytes, tcp := payload(packet)
		require.GreaterOrEqual(t, bytes, 0)
		require.LessOrEqual(t, bytes, 40+0xffff)
		require.False(t, !tcp && bytes > 0)
	})
}
