// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"os"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// mine matches flows of the test's own process.
func mine(key flow.Key) bool { return int(key.Owner.PID) == os.Getpid() }
