// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
)

// A fault's truth does not go on where that of another run ended, even if the queue cannot
// be opened in the end.
func TestTruthBeginsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "truth-1-node-1.csv")
	require.NoError(t, os.WriteFile(path, []byte("of before\n"), 0o644))
	f := &fault{Fault: Fault{ID: 1, Truth: path, Impair: &impair.Config{Loss: 2}}}
	require.Error(t, f.open(), "that is no share")
	require.NoError(t, f.close())
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "of before")
}
