// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package table

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/outcome"
)

// TestReadme compares what the README says with what kernels must have; what they
// do have, make test-kernels compares.
func TestReadme(t *testing.T) {
	document, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	table, err := Find(string(document))
	require.NoError(t, err)
	require.True(t, strings.Contains(string(document), begin+table.String()+end), "make test-kernels UPDATE=1")
	for _, k := range kernel.Kernels {
		for _, f := range kernel.Features {
			require.Equal(t, slices.Contains(f.Kernels, k), table[k][f.Name], "%s of %s", f.Name, k)
		}
	}
}

func TestReplaceOnlyWhatWasFound(t *testing.T) {
	const before = "head\n" + begin + "stale\n" + end + "tail\n"
	_, err := Table{}.Replace("no marks")
	require.ErrorContains(t, err, "its marks are missing")

	first, err := Table{kernel.Linux61: {"tcx": false, "netem": true}}.Replace(before)
	require.NoError(t, err)
	require.Contains(t, first, "| tcx | – | ? | ? | ")
	require.Contains(t, first, "| netem | ✓ | ? | ? | ")
	require.Contains(t, first, "| kTLS | ? | ? | ? | ")

	second, err := Table{kernel.Linux612: {"tcx": true}}.Replace(first)
	require.NoError(t, err)
	require.Contains(t, second, "| tcx | – | ✓ | ? | ")
	require.Contains(t, second, "| netem | ✓ | ? | ? | ")
	require.Regexp(t, `^head\n(?s:.*)\ntail\n$`, second)

	again, err := Table{}.Replace(second)
	require.NoError(t, err)
	require.Equal(t, second, again)
}

func TestLearn(t *testing.T) {
	prober := &outcome.Package{Path: "m" + prober, Tests: []*outcome.Test{
		{Name: "TestTable", Status: outcome.Pass},
		{Name: "TestTable/kprobe_and_kretprobe", Status: outcome.Pass},
		{Name: "TestTable/tcx", Status: outcome.Skip},
		{Name: "TestOther/netem", Status: outcome.Pass},
	}}
	table := make(Table)
	require.NoError(t, table.Learn(kernel.Linux61, prober))
	require.Equal(t, Table{kernel.Linux61: {"kprobe and kretprobe": true, "tcx": false}}, table)

	require.NoError(t, table.Learn(kernel.Linux612, &outcome.Package{Path: "m/other", Tests: prober.Tests}))
	require.NotContains(t, table, kernel.Linux612)

	prober.Tests[1].Name = "TestTable/magic"
	require.ErrorContains(t, table.Learn(kernel.Linux61, prober), "find the feature of TestTable/magic")
}
