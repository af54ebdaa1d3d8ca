// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/vmtest/outcome"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/suite"
)

// TestOnHost runs the binaries of two packages, one of them a script that claims to
// have skipped a test.
func TestOnHost(t *testing.T) {
	folder := t.TempDir()
	binary := filepath.Join(folder, "two.test")
	require.NoError(t, os.WriteFile(binary, []byte("#!/bin/sh\necho ran in $PWD with $TCPWHY_REQUIRE_ROOT\n"+
		`printf '\026=== RUN   TestA\n    a_test.go:1: because\n\026--- SKIP: TestA (0.00s)\n\026PASS\n'`+"\n"), 0o700))
	w := &workshop{settings: &settings{timeout: 1e11}, tests: []suite.Package{{Path: "m/one", Folder: folder, Binary: "/bin/true"}, {Path: "m/two", Folder: folder, Binary: binary}}}
	l := &leg{Kernel: host}
	w.timed(context.Background(), l, w.onHost)
	require.Len(t, l.Packages, 2)
	require.Contains(t, l.Packages[1].Output, "ran in "+folder+" with 1\n")
	require.Equal(t, []string{"m/one: tested nothing", `m/two: TestA must not skip: "because"`, "no test passed"}, l.Faults)
}

func TestConclusion(t *testing.T) {
	some := &settings{run: "TestA"}
	good := &leg{Kernel: "6.1"}
	bad := &leg{Kernel: "6.12", Faults: []string{"no test passed"}}
	require.NoError(t, some.conclude([]*leg{good}))
	require.ErrorContains(t, some.conclude([]*leg{good, bad}), "tests failed on 6.12")
}

func TestLegThatEndedWithAnError(t *testing.T) {
	l := &leg{Packages: []*outcome.Package{{Path: "m/one", Tests: []*outcome.Test{{Name: "TestA", Status: outcome.Pass}}, Done: true}}}
	l.judge(errors.New("guest ended"), true)
	require.Equal(t, []string{"guest ended"}, l.Faults)
}

func TestKeep(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out", "kernels.json")
	require.NoError(t, keep(file, []*leg{{Kernel: "6.1", Release: "6.1.0-40-cloud-amd64"}}))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var legs []leg
	require.NoError(t, json.Unmarshal(content, &legs))
	require.Equal(t, "6.1.0-40-cloud-amd64", legs[0].Release)
}

func TestParse(t *testing.T) {
	s, err := parse([]string{"-kernels=6.1 host,6.12", "-packages=./a ./b", "-run=X"})
	require.NoError(t, err)
	require.Equal(t, []string{"6.1", "host", "6.12"}, s.kernels)
	require.Equal(t, []string{"./a", "./b"}, s.patterns)
	require.False(t, s.all())
	_, err = parse([]string{"-magic"})
	require.Error(t, err)
}

func TestUnknownKernel(t *testing.T) {
	w := &workshop{settings: &settings{timeout: 1e9}}
	l := &leg{Kernel: "5.4"}
	w.timed(context.Background(), l, w.boot)
	require.Equal(t, []string{`kernel must be one of 6.1, 6.12, host, is "5.4"`, "no test passed"}, l.Faults)
}
