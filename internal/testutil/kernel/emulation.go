// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Emulated reports whether the processor is none: of several one works at a time, in turns.
func Emulated(t testing.TB) bool {
	t.Helper()
	info, err := os.ReadFile("/proc/cpuinfo")
	require.NoError(t, err)
	return bytes.Contains(info, []byte("QEMU TCG"))
}
