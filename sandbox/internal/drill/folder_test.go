// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// recorded are the files that a drill and its replay leave, and one of a person's.
func recorded(t *testing.T, folder string) (drills []string, note string) {
	t.Helper()
	for _, name := range []string{
		"collector.yaml", "recording.yaml", "collector.log", "verdicts.json", "verdicts-replayed.json", "identities.yaml", "flows.binpb.zst",
		"history.json", "truth-1-node-2.csv", "metrics.json", "metrics-2026-11-28T12-00-00.000.json", "report.json", "report.html",
	} {
		drills = append(drills, filepath.Join(folder, name))
	}
	note = filepath.Join(folder, "note.txt")
	for _, file := range append(drills, note) {
		require.NoError(t, os.WriteFile(file, []byte("of before"), 0o644))
	}
	return drills, note
}

func TestEmpty(t *testing.T) {
	folder := t.TempDir()
	drills, note := recorded(t, folder)
	require.NoError(t, empty(folder))
	for _, file := range drills {
		require.NoFileExists(t, file)
	}
	require.FileExists(t, note)
	require.NoError(t, empty(folder), "there is nothing to remove")
}

// A drill that cannot begin leaves the recording of the one before as it is: without a
// collector, without root, or while another shop is up.
func TestDrillThatCannotBegin(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	run := t.TempDir()
	lock, err := os.Create(filepath.Join(run, "lock"))
	require.NoError(t, err)
	defer func() { _ = lock.Close() }()
	require.NoError(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	for collector, want := range map[string]string{
		self:                                "start shop: network namespaces need root",
		filepath.Join(run, "no", "otelcol"): "start collector: build it by make build",
		filepath.Join(run, "lock", "below"): "start collector: build it by make build",
	} {
		if collector == self && os.Geteuid() == 0 {
			want = "another shop is up"
		}
		out := t.TempDir()
		drills, _ := recorded(t, out)
		_, err = Run(context.Background(), Quiet(1), Options{Collector: collector, Out: out, Run: run, Say: func(string, ...any) {}})
		require.ErrorContains(t, err, want)
		for _, file := range drills {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, "of before", string(raw), file)
		}
	}
}

func TestKeep(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	for _, name := range []string{"truth-1-node-2.csv", "history.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(from, name), []byte("of "+name), 0o644))
	}
	err := keep(to, filepath.Join(from, "truth-1-node-2.csv"), filepath.Join(from, "none.csv"), filepath.Join(from, "history.json"))
	require.ErrorIs(t, err, fs.ErrNotExist, "it is told what was not kept")
	for _, name := range []string{"truth-1-node-2.csv", "history.json"} {
		raw, err := os.ReadFile(filepath.Join(to, name))
		require.NoError(t, err)
		require.Equal(t, "of "+name, string(raw), "all else is kept")
	}
}
