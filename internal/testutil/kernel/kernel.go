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
	kernel, known := identify(release)
	if known && slices.Contains(feature.Kernels, kernel) {
		return fmt.Sprintf("kernel %s must have %s: %v", release, feature.Name, err), false
	}
	return fmt.Sprintf("kernel %s lacks %s: %v", release, feature.Name, err), true
}

func identify(release string) (Kernel, bool) {
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
