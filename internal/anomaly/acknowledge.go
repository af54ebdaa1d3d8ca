// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// Acknowledge takes in which problems people say that they have seen: log records with the
// id of a problem, or its display id, and the state acknowledged. Logs are not changed, so that
// who said it is kept where logs are.
func (s *LogsSide) Acknowledge(ld plog.Logs) {
	if s.desk == nil {
		return
	}
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				attributes := record.Attributes()
				if text(attributes, names.ProblemState) == names.ProblemAcknowledged {
					s.desk.acknowledge(text(attributes, names.ProblemID), text(attributes, names.ProblemDisplayID), s.moment(record))
				}
			}
		}
	}
}

// moment is when a record says that something happened.
func (s *LogsSide) moment(record plog.LogRecord) time.Time {
	switch {
	case record.Timestamp() != 0:
		return record.Timestamp().AsTime()
	case record.ObservedTimestamp() != 0:
		return record.ObservedTimestamp().AsTime()
	}
	return s.clock.Now()
}

// acknowledge notes that a person has seen a problem, which goes by either id.
func (d *desk) acknowledge(id, displayID string, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tick()
	at = at.Add(-d.pace.ahead)
	known := id != "" && d.engine.Acknowledge(d.now, id, at) || displayID != "" && d.engine.Acknowledge(d.now, displayID, at)
	if known {
		d.acknowledged++
	} else {
		d.unknown++
	}
}

// acknowledgements returns how many were of open problems, and how many were not.
func (d *desk) acknowledgements() (acknowledged, unknown uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.acknowledged, d.unknown
}
