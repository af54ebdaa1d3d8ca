// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/receiver/ebpftcpreceiver/internal/metadata"
)

// An eventWriter writes events as OTLP logs.
type eventWriter struct {
	host    host
	version string
	named   bool // with the attribute event.name
}

// write writes events that were seen now, those of one process together.
func (w *eventWriter) write(events []flow.Event, now flow.Instant) plog.Logs {
	ld := plog.NewLogs()
	owners := make(map[flow.OwnerID]plog.LogRecordSlice)
	for i := range events {
		e := &events[i]
		records, known := owners[e.Owner.ID]
		if !known {
			records = w.owner(ld, e.Owner)
			owners[e.Owner.ID] = records
		}
		w.record(records.AppendEmpty(), e, now)
	}
	return ld
}

func (w *eventWriter) owner(ld plog.Logs, owner flow.Owner) plog.LogRecordSlice {
	rl := ld.ResourceLogs().AppendEmpty()
	rl.SetSchemaUrl(names.SchemaURL)
	w.host.describeOwner(rl.Resource().Attributes(), owner)
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName(metadata.ScopeName)
	sl.Scope().SetVersion(w.version)
	return sl.LogRecords()
}

func (w *eventWriter) record(r plog.LogRecord, e *flow.Event, now flow.Instant) {
	r.SetEventName(eventNames[e.Kind])
	r.SetTimestamp(pcommon.Timestamp(now.At(e.Time)))
	r.SetObservedTimestamp(pcommon.Timestamp(now.Wall))
	number, text := severity(e)
	r.SetSeverityNumber(number)
	r.SetSeverityText(text)
	r.Body().SetStr(sentence(e))
	attributes := r.Attributes()
	attributes.EnsureCapacity(14)
	if w.named {
		attributes.PutStr(names.EventName, eventNames[e.Kind])
	}
	describeFlow(attributes, e.Key)
	if e.Kind == flow.EventReset {
		attributes.PutStr(names.CloseReason, closeReasons[e.Close])
		attributes.PutInt(names.ConnectionTransmit, int64(e.Bytes[flow.Transmit]))
		attributes.PutInt(names.ConnectionReceive, int64(e.Bytes[flow.Receive]))
	} else {
		attributes.PutStr(names.ErrorType, failures[e.Failure])
	}
	if e.Age != 0 {
		attributes.PutDouble(names.ConnectionDuration, e.Age.Seconds())
	}
	attributes.PutInt(names.ConnectionRetransmits, int64(e.Retransmits))
}

// severity is that of a fault, but for what its owner gave up.
func severity(e *flow.Event) (plog.SeverityNumber, string) {
	if e.Kind == flow.EventFailed && e.Failure == flow.FailureAborted {
		return plog.SeverityNumberInfo, "INFO"
	}
	return plog.SeverityNumberWarn, "WARN"
}
