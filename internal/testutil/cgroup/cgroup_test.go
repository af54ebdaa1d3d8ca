// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

func TestProcessReturns(t *testing.T) {
	root.Require(t)
	home := of(t, os.Getpid())
	var path string
	t.Run("in a group", func(t *testing.T) {
		group := New(t)
		path = group.Path
		group.Add(os.Getpid())
		require.Equal(t, path, of(t, os.Getpid()))
	})
	require.Equal(t, home, of(t, os.Getpid()))
	require.NoDirExists(t, path)
}

func TestPrivateMountIsTheSameHierarchy(t *testing.T) {
	root.Require(t)
	require.True(t, os.SameFile(stat(t, Root(t)), stat(t, mount(t))))

	var fs unix.Statfs_t
	require.NoError(t, unix.Statfs(mount(t), &fs))
	require.EqualValues(t, unix.CGROUP2_SUPER_MAGIC, fs.Type)
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(filepath.Join(path, "cgroup.procs"))
	require.NoError(t, err)
	return info
}
