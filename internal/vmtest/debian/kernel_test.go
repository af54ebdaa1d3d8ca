// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package debian

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFetchOnce(t *testing.T) {
	archive(t, "6.1.0-40", "6.1.153-1")
	cache := t.TempDir()
	kernel, err := Fetch(context.Background(), "linux-image-cloud-amd64", cache)
	require.NoError(t, err)
	require.Equal(t, "6.1.0-40-cloud-amd64", kernel.Release)
	require.FileExists(t, kernel.Image)
	require.DirExists(t, kernel.Modules)

	require.NoError(t, os.WriteFile(kernel.Image, []byte("kept"), 0o600))
	again, err := Fetch(context.Background(), "linux-image-cloud-amd64", cache)
	require.NoError(t, err)
	require.Equal(t, kernel, again)
	content, err := os.ReadFile(again.Image)
	require.NoError(t, err)
	require.Equal(t, "kept", string(content))
}

// TestNewerTakesPlaceOfOlder also where only the package's version moves.
func TestNewerTakesPlaceOfOlder(t *testing.T) {
	cache := t.TempDir()
	for _, version := range [][2]string{{"6.1.0-40", "6.1.153-1"}, {"6.1.0-40", "6.1.153-2"}, {"6.1.0-41", "6.1.158-1"}} {
		archive(t, version[0], version[1])
		kernel, err := Fetch(context.Background(), "linux-image-cloud-amd64", cache)
		require.NoError(t, err)
		content, err := os.ReadFile(kernel.Image)
		require.NoError(t, err)
		require.Equal(t, version[1], string(content))
		kept, err := os.ReadDir(filepath.Join(cache, "linux-image-cloud-amd64"))
		require.NoError(t, err)
		require.Len(t, kept, 1)
	}
}

func TestArchiveThatCannotBeReached(t *testing.T) {
	command(t, "apt-cache", "echo '  Depends: linux-image-6.1.0-40-cloud-amd64'")
	command(t, "apt-get", "echo 'E: Failed to fetch: 404 Not Found' >&2; exit 100")
	cache := t.TempDir()
	_, err := Fetch(context.Background(), "linux-image-cloud-amd64", cache)
	require.ErrorContains(t, err, `find package "linux-image-6.1.0-40-cloud-amd64"`)
	require.ErrorContains(t, err, "404 Not Found (apt-get update may help)")
	require.NoDirExists(t, filepath.Join(cache, "linux-image-cloud-amd64"))
}

func TestMachineWithoutApt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Fetch(context.Background(), "linux-image-cloud-amd64", t.TempDir())
	require.ErrorContains(t, err, "run apt-cache: not found: kernels come from Debian's archive")
}

func TestImageIn(t *testing.T) {
	name, err := imageIn([]byte("linux-image-cloud-amd64\n  PreDepends: linux-image-x\n  Depends: linux-base\n  Depends: linux-image-6.1.0-40-cloud-amd64\n"))
	require.NoError(t, err)
	require.Equal(t, "linux-image-6.1.0-40-cloud-amd64", name)
	_, err = imageIn([]byte("linux-image-cloud-amd64\n"))
	require.Error(t, err)
}

func TestFileIn(t *testing.T) {
	file, err := fileIn([]byte("'http://deb.debian.org/pool/l/linux_6.12.1+deb12_amd64.deb' linux-image-6.12_6.12.1~deb12_amd64.deb 34307256 SHA256:00\n"))
	require.NoError(t, err)
	require.Equal(t, "linux-image-6.12_6.12.1~deb12_amd64.deb", file)
	_, err = fileIn(nil)
	require.Error(t, err)
}

// archive puts commands in place of apt's and dpkg's that know one kernel. Its
// image holds the package's version.
func archive(t *testing.T, release, version string) {
	t.Helper()
	name := "linux-image-" + release + "-cloud-amd64"
	file := name + "_" + version + "_amd64.deb"
	command(t, "apt-cache", "echo '  Depends: "+name+"'")
	command(t, "apt-get", "if [ $2 = --print-uris ]; then echo \"'http://x/y.deb' "+file+" 1 SHA256:00\"; else echo "+version+" > "+file+"; fi")
	command(t, "dpkg-deb", "mkdir -p $3/boot $3/lib/modules/"+release+"-cloud-amd64; printf %s $(cat $2) > $3/boot/vmlinuz-"+release+"-cloud-amd64")
}

// command puts a shell script before all other commands of a name.
func command(t *testing.T, name, script string) {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\nset -e\n"+script+"\n"), 0o700))
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
}
