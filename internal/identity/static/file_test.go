// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package static

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

var one = netip.MustParseAddr("10.0.0.1")

func text(workload string) string {
	return "workloads: [{workload: " + workload + ", addresses: [10.0.0.1]}]\n"
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func open(t *testing.T, path string) (*File, *observer.ObservedLogs) {
	core, logs := observer.New(zap.InfoLevel)
	f, err := Open(path, zap.New(core))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	require.Equal(t, "a", name(f.Remote(one, 1, 0)))
	return f, logs
}

// eventually waits less than it takes until the file is looked at without being told.
func eventually(t *testing.T, f *File, want string) {
	t.Helper()
	require.Eventually(t, func() bool { return name(f.Remote(one, 1, 0)) == want }, look/2, time.Millisecond)
}

func TestFollowsAnEditor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identities.yaml")
	write(t, path, text("a"))
	f, _ := open(t, path)

	write(t, path+".new", text("b"))
	require.NoError(t, os.Rename(path+".new", path))
	eventually(t, f, "b")
	write(t, path, text("c"))
	eventually(t, f, "c")
}

// TestFollowsAConfigMap does what a kubelet does: the file is a link into a folder that
// is a link, which is replaced by a rename.
func TestFollowsAConfigMap(t *testing.T) {
	dir := t.TempDir()
	publish := func(version, workload string) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version, "identities.yaml"), text(workload))
		require.NoError(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	publish("..1", "a")
	path := filepath.Join(dir, "identities.yaml")
	require.NoError(t, os.Symlink(filepath.Join("..data", "identities.yaml"), path))
	f, _ := open(t, path)

	publish("..2", "b")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "..1")))
	eventually(t, f, "b")
	publish("..3", "c")
	eventually(t, f, "c")
}

// TestFollowsALink is a file elsewhere, changed in place.
func TestFollowsALink(t *testing.T) {
	real, path := filepath.Join(t.TempDir(), "real"), filepath.Join(t.TempDir(), "link")
	write(t, real, text("a"))
	require.NoError(t, os.Symlink(real, path))
	f, _ := open(t, path)
	write(t, real, text("b"))
	eventually(t, f, "b")
}

func TestBrokenFileChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identities.yaml")
	write(t, path, text("a"))
	f, logs := open(t, path)
	good := f.Status()
	require.NoError(t, good.Err)
	require.Equal(t, Entries{Workloads: 1}, good.Entries)

	broken := func() bool { return f.Status().Err != nil }
	write(t, path, strings.Replace(text("b"), "addresses", "address", 1))
	require.Eventually(t, broken, look/2, time.Millisecond)
	require.ErrorContains(t, f.Status().Err, path+":1: file.workloads[0].address: unknown key")
	require.Equal(t, "a", name(f.Remote(one, 1, 0)))
	require.Equal(t, good.Read, f.Status().Read)
	require.Equal(t, 1, logs.FilterMessage("Identities stay as they were: the file cannot be used").Len())

	require.NoError(t, os.Remove(path))
	require.Eventually(t, func() bool { return os.IsNotExist(f.Status().Err) }, look/2, time.Millisecond)
	require.Equal(t, "a", name(f.Remote(one, 1, 0)))

	write(t, path, text("b"))
	eventually(t, f, "b")
	require.NoError(t, f.Status().Err)
	require.True(t, f.Status().Read.After(good.Read))
}

func TestOpenNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.yaml")
	_, err := Open(path, zap.NewNop())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, path)
}
