// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cavaliergopher/cpio"
	"github.com/stretchr/testify/require"
)

func TestImageHoldsFilesAndTheirFolders(t *testing.T) {
	host := t.TempDir()
	for _, file := range []string{"a/one.txt", "a/b/two.txt", "a/b/three.go"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(host, file)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(host, file), []byte(file), 0o640))
	}
	plan := &Plan{Modules: []string{"m.ko"}, Now: time.Unix(1, 2).UTC(), Tests: []Command{{Path: "/t", Arguments: []string{"-v"}}}}

	var b bytes.Buffer
	image := NewImage(&b)
	require.NoError(t, image.Add("/init", 0o755, []byte("init")))
	require.NoError(t, image.AddFolder("/empty"))
	require.NoError(t, image.AddTree("/src", host, func(file string) bool { return filepath.Ext(file) == ".txt" }))
	require.NoError(t, image.Close(plan))

	encoded, err := json.Marshal(plan)
	require.NoError(t, err)
	require.Equal(t, []entry{
		{"init", cpio.TypeReg | 0o755, "init"},
		{"empty", cpio.TypeDir | 0o755, ""},
		{"src", cpio.TypeDir | 0o755, ""},
		{"src/a", cpio.TypeDir | 0o755, ""},
		{"src/a/b", cpio.TypeDir | 0o755, ""},
		{"src/a/b/two.txt", cpio.TypeReg | 0o640, "a/b/two.txt"},
		{"src/a/one.txt", cpio.TypeReg | 0o640, "a/one.txt"},
		{"plan.json", cpio.TypeReg | 0o444, string(encoded)},
	}, entries(t, &b))
}

func TestImageOfWhatIsNotThere(t *testing.T) {
	image := NewImage(io.Discard)
	require.ErrorIs(t, image.AddFile("/x", filepath.Join(t.TempDir(), "x")), os.ErrNotExist)
	require.ErrorIs(t, image.AddTree("/x", filepath.Join(t.TempDir(), "x"), func(string) bool { return true }), os.ErrNotExist)
}

type entry struct {
	name    string
	mode    cpio.FileMode
	content string
}

func entries(t *testing.T, r io.Reader) (all []entry) {
	t.Helper()
	for archive := cpio.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		content, err := io.ReadAll(archive)
		require.NoError(t, err)
		all = append(all, entry{header.Name, header.Mode, string(content)})
	}
}
