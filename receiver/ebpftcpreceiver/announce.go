// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"strings"

	"go.uber.org/zap"
)

// announce logs the table of hooks, one entry for each row, when a kernel side has been
// opened; and when all have, what becomes of the capabilities.
func announce(status *status, p *pool, s *share) {
	s.announced.Do(func() {
		logger := status.logger
		s.hooks = s.kernel.Hooks()
		for _, h := range s.hooks {
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
	status.told = tellAll(s.hooks)
}

// told are the hooks that the log knows of, by job.
type told map[string]hook

func tellAll(hooks []hook) told {
	t := make(told, len(hooks))
	for _, h := range hooks {
		t[h.job] = h
	}
	return t
}

// moved notes a hook, and reports whether its job was done elsewhere before: some are attached
// when there is something for them to do, and may be refused then.
func (t told) moved(h hook) bool {
	before, known := t[h.job]
	t[h.job] = h
	return known && before != h
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}
