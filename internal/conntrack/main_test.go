// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conntrack

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

func TestMain(m *testing.M) {
	traffic.Child()
	goleak.VerifyTestMain(m)
}
