// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPlayNeedsARecording(t *testing.T) {
	cfg, err := configure("", 5*time.Second)
	require.NoError(t, err)
	require.ErrorContains(t, play(t.Context(), cfg, strings.NewReader(""), io.Discard), "nothing was recorded")
	require.Error(t, play(t.Context(), cfg, strings.NewReader("this is no recording"), io.Discard))
}

func TestRunNeedsItsFiles(t *testing.T) {
	out := filepath.Join(t.TempDir(), "verdicts.json")
	require.ErrorContains(t, run("missing", "", out, 5*time.Second), "read flows: open missing")
	require.ErrorContains(t, run("missing", "", out, 500*time.Millisecond), "interval")
}
