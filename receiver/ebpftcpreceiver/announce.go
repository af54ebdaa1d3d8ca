// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"strings"

	"go.uber.org/zap"
)

// announce logs the table of hooks, one entry for each row, when a kernel side has been
// opened; and when all have, what becomes of the capabilities.
func announce(logger *zap.Logger, p *pool, s *share) {
	s.announced.Do(func() {
		for _, h := range s.kernel.Hooks() {
			logger.Info("hook: " + h.row())
		}
		dropped, all, err := p.settle()
		if err != nil {
			logger.Warn("capabilities that are not needed any more are kept", zap.Error(err))
		}
		if all != nil {
			logger.Info("capabilities: held " + all.names(true) + "; not held " + all.names(false) +
				"; of these dropped just now: " + orNone(dropped))
		}
	})
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
