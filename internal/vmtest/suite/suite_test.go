// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/tcpwhy/tcpwhy/"

func TestPackagesThatTouchTheKernel(t *testing.T) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	packages, err := Find(context.Background(), "../../../...")
	require.NoError(t, err)
	found := make(map[string]Package)
	for _, p := range packages {
		found[strings.TrimPrefix(p.Path, module)] = p
	}
	for _, path := range []string{"internal/tcpbpf", "receiver/ebpftcpreceiver", "internal/testutil/kernel", "internal/testutil/nft"} {
		require.Contains(t, found, path)
		require.Empty(t, found[path].Left)
		require.Equal(t, filepath.Join(root, path), found[path].Folder)
	}
	for path := range left {
		require.NotEmpty(t, found[path].Left, path)
	}
	for _, path := range []string{"internal/flow", "internal/names", "processor/tcpanomalyprocessor"} {
		require.NotContains(t, found, path)
	}
}

func TestChooseByImports(t *testing.T) {
	packages, err := choose(strings.NewReader(`
		{"ImportPath": "m/a", "Dir": "/a", "Module": {"Path": "m"}, "TestGoFiles": ["a_test.go"], "TestImports": ["m/internal/testutil/netns"]}
		{"ImportPath": "m/b", "Module": {"Path": "m"}, "XTestGoFiles": ["b_test.go"], "XTestImports": ["os", "m/internal/testutil/root"]}
		{"ImportPath": "m/internal/testutil/c", "Module": {"Path": "m"}, "TestGoFiles": ["c_test.go"]}
		{"ImportPath": "m/internal/testutil/untested", "Module": {"Path": "m"}}
		{"ImportPath": "m/pure", "Module": {"Path": "m"}, "TestGoFiles": ["pure_test.go"], "TestImports": ["x/internal/testutil/netns"]}
		{"ImportPath": "m/internal/bench", "Module": {"Path": "m"}, "TestGoFiles": ["b_test.go"], "TestImports": ["m/internal/testutil/netns"]}
	`))
	require.NoError(t, err)
	require.Equal(t, []Package{
		{Path: "m/a", Folder: "/a"}, {Path: "m/b"}, {Path: "m/internal/testutil/c"},
		{Path: "m/internal/bench", Left: left["internal/bench"]},
	}, packages)
	_, err = choose(strings.NewReader("{"))
	require.ErrorContains(t, err, "decode list of packages: ")
}

func TestBuild(t *testing.T) {
	packages := []Package{{Path: module + "internal/vmtest/guest"}}
	require.NoError(t, Build(context.Background(), t.TempDir(), packages))
	info, err := os.Stat(packages[0].Binary)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100, "can be executed")

	err = Build(context.Background(), t.TempDir(), []Package{{Path: module + "internal/nowhere"}})
	require.ErrorContains(t, err, "build tests of "+module+"internal/nowhere: run ")
}

// TestThoseOfCIExist looks for each test that the Makefile names for the guests of CI: one that
// is renamed would be left out without a word.
func TestThoseOfCIExist(t *testing.T) {
	makefile, err := os.ReadFile("../../../Makefile")
	require.NoError(t, err)
	for list, folder := range map[string]string{
		"GUEST_TESTS": "internal/tcpbpf", "GUEST_PRIVILEGES": "receiver/ebpftcpreceiver",
	} {
		line := regexp.MustCompile(`(?m)^` + list + ` := \^\((.+)\)\$\$$`).FindSubmatch(makefile)
		require.NotNil(t, line, list)
		have := testsOf(t, filepath.Join("../../..", folder))
		for _, name := range strings.Split(string(line[1]), "|") {
			require.Contains(t, have, name, "%s, in %s", list, folder)
		}
	}
}

func testsOf(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllSubmatch(text, -1) {
			names = append(names, string(name[1]))
		}
	}
	return names
}
