// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAStretchIsPartOfItsSweep(t *testing.T) {
	k := observe(t, Config{})
	k.collect()
	timing := k.Timing()
	require.Positive(t, timing.Stretch)
	require.LessOrEqual(t, timing.Stretch, timing.Sweep)
	require.Positive(t, timing.Swap)
	require.Positive(t, timing.Drain)
}
