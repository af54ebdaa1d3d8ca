// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package root tells tests that need root from those that anybody can run.
package root

import (
	"os"
	"testing"
)

// Variable is the environment variable that turns a skip for want of root into
// a failure, if it is 1. CI sets it, so that a skip never hides anything.
const Variable = "TCPWHY_REQUIRE_ROOT"

// Require skips the test unless it runs as root.
func Require(t testing.TB) {
	t.Helper()
	require(t, os.Geteuid(), os.Getenv(Variable))
}

func require(t testing.TB, uid int, demand string) {
	t.Helper()
	switch {
	case uid == 0:
	case demand == "1":
		t.Fatalf("needs root, has user %d, and %s=1 forbids to skip", uid, Variable)
	default:
		t.Skipf("needs root, has user %d: sudo make test runs it", uid)
	}
}
