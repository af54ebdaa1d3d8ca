// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kernel

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

func TestSkipsOnlyWhereItMay(t *testing.T) {
	feature := Feature{Name: "magic", Kernels: []Kernel{Linux612}}
	refused := errors.New("operation not permitted")
	for _, test := range []struct {
		name, release string
		err           error
		message       string
		skip          bool
	}{
		{name: "has it", release: "6.12.43+deb13-cloud-amd64"},
		{name: "has it though it need not", release: "6.1.0-40-cloud-amd64"},
		{
			name: "must have it", release: "6.12.43+deb13-cloud-amd64", err: refused,
			message: "kernel 6.12.43+deb13-cloud-amd64 must have magic: operation not permitted",
		},
		{
			name: "may lack it", release: "6.1.0-40-cloud-amd64", err: refused, skip: true,
			message: "kernel 6.1.0-40-cloud-amd64 lacks magic: operation not permitted",
		},
		{
			name: "is not known", release: "6.12.1-200.fc41.x86_64", err: refused, skip: true,
			message: "kernel 6.12.1-200.fc41.x86_64 lacks magic: operation not permitted",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			message, skip := judge(feature, test.release, test.err)
			require.Equal(t, test.message, message)
			require.Equal(t, test.skip, skip)
		})
	}
}

// TestTable compares the table with the running kernel, if it is a known one.
func TestTable(t *testing.T) {
	root.Require(t)
	for _, feature := range Features {
		t.Run(feature.Name, func(t *testing.T) { Require(t, feature) })
	}
}

func TestExcusedOnlyByTable(t *testing.T) {
	for said, want := range map[string]bool{
		"kernel 6.1.0-40-cloud-amd64 lacks tcx: attach program: invalid argument":      true,
		"kernel 6.12.1-200.fc41.x86_64 lacks tcx: attach program: invalid argument":    true,
		"kernel 6.12.43+deb13-cloud-amd64 lacks tcx: attach program: invalid argument": false,
		"kernel 6.1.0-40-cloud-amd64 lacks magic: operation not permitted":             false,
		"kernel 6.1.0-40-cloud-amd64 lacks tcx":                                        false,
		"needs a CPU to hold and another one, has one":                                 false,
		"": false,
	} {
		require.Equal(t, want, Excused(said), said)
	}
}

func TestFeaturesAreTold(t *testing.T) {
	names := make(map[string]bool)
	for _, feature := range Features {
		require.NotEmpty(t, feature.Use, feature.Name)
		require.False(t, names[feature.Name], feature.Name)
		names[feature.Name] = true
	}
}

func TestReleasesAreApart(t *testing.T) {
	for release, want := range map[string]Kernel{
		"6.1.0-40-cloud-amd64":      Linux61,
		"6.12.43+deb13-cloud-amd64": Linux612,
		"6.18.44-fc-v595":           Linux618,
		"6.10.11-cloud-amd64":       "",
		"6.1.0-40-amd64":            "",
	} {
		kernel, _ := Identify(release)
		require.Equal(t, want, kernel, release)
	}
}
