// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !k8s

package kubernetes

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
