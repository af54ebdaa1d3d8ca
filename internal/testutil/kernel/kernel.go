// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package kernel skips tests of features that the running kernel lacks, and
// fails them on kernels that are known to have the feature: a skip never hides
// a regression.
package kernel

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// A Feature is something that not every kernel can do.
type Feature struct {
	Name string
	// Use says what the receiver makes of it, and what is lost without it.
	Use string
	// Kernels must have it. All others may lack it.
	Kernels []Kernel
	// probe does it once, on a small scale.
	probe func(testing.TB) error
}

// A Kernel is one that the tests regularly run on.
type Kernel string

// Kernels that are known, by their releases: Debian's for clouds, and that of
// the machines which build the project.
const (
	Linux61  Kernel = "6.1"
	Linux612 Kernel = "6.12"
	Linux618 Kernel = "6.18"
)

// Kernels are all that are known, the oldest first.
var Kernels = []Kernel{Linux61, Linux612, Linux618}

var releases = map[Kernel]*regexp.Regexp{
	Linux61:  regexp.MustCompile(`^6\.1\..*-cloud-(amd64|arm64)$`),
	Linux612: regexp.MustCompile(`^6\.12\..*-cloud-(amd64|arm64)$`),
	Linux618: regexp.MustCompile(`^6\.18\..*-fc-`),
}

// Require goes on if the running kernel has the feature, which it tries out. It
// needs root, too.
func Require(t testing.TB, feature Feature) {
	t.Helper()
	root.Require(t)
	Tried(t, feature, feature.probe(t))
}

// Tried is [Require] for a test that tried the feature out itself: err says why
// the kernel refused it, nil that it did not.
func Tried(t testing.TB, feature Feature, err error) {
	t.Helper()
	message, skip := judge(feature, Release(t), err)
	switch {
	case message == "":
	case skip:
		t.Skip(message)
	default:
		t.Fatal(message)
	}
}

// judge returns what to say about an attempt, nothing if it went well, and
// whether the kernel may lack the feature.
func judge(feature Feature, release string, err error) (message string, skip bool) {
	if err == nil {
		return "", false
	}
	kernel, known := Identify(release)
	if known && slices.Contains(feature.Kernels, kernel) {
		return fmt.Sprintf("kernel %s must have %s: %v", release, feature.Name, err), false
	}
	return fmt.Sprintf("kernel %s lacks %s: %v", release, feature.Name, err), true
}

// lacks is how [judge] says that the kernel may lack the feature.
var lacks = regexp.MustCompile(`^kernel (\S+) lacks (.+?): .`)

// Excused tells whether what a test said when it skipped is that the kernel
// lacks a feature, which the table lets it lack.
func Excused(said string) bool {
	parts := lacks.FindStringSubmatch(said)
	if parts == nil {
		return false
	}
	kernel, _ := Identify(parts[1])
	return slices.ContainsFunc(Features, func(f Feature) bool {
		return f.Name == parts[2] && !slices.Contains(f.Kernels, kernel)
	})
}

// Identify returns which of the known kernels has a release.
func Identify(release string) (Kernel, bool) {
	for kernel, pattern := range releases {
		if pattern.MatchString(release) {
			return kernel, true
		}
	}
	return "", false
}

// Release returns the running kernel's release, such as "6.1.0-40-cloud-amd64".
func Release(t testing.TB) string {
	t.Helper()
	var name unix.Utsname
	require.NoError(t, unix.Uname(&name))
	return unix.ByteSliceToString(name.Release[:])
}
