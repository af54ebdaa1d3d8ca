// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"errors"

	"go.uber.org/zap"
)

// explain logs what an error has to say beyond its sentence, such as the
// verifier's log, for those who have switched debugging on.
func explain(logger *zap.Logger, err error) {
	var detailed interface{ Detail() string }
	if !errors.As(err, &detailed) {
		return
	}
	if entry := logger.Check(zap.DebugLevel, ""); entry != nil {
		entry.Message = "what the kernel said: " + detailed.Detail()
		entry.Write()
	}
}
