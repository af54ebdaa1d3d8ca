// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// product is service.name of who tells events: they are about others.
const product = "tcpwhy"

// An eventWriter writes events as log records.
type eventWriter struct {
	scope   string
	version string
	named   bool // the event's name is an attribute, too
	sieve   *sieve
}

func (w *eventWriter) write(events []engine.Event, observed time.Time) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.SetSchemaUrl(names.SchemaURL)
	rl.Resource().Attributes().PutStr(names.ServiceName, product)
	sl := rl.ScopeLogs().AppendEmpty()
	sl.SetSchemaUrl(names.SchemaURL)
	sl.Scope().SetName(w.scope)
	sl.Scope().SetVersion(w.version)
	now := pcommon.NewTimestampFromTime(observed)
	for i := range events {
		record := sl.LogRecords().AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(events[i].At))
		record.SetObservedTimestamp(now)
		if p := events[i].Problem; p != nil {
			w.name(record, names.FlowProblem)
			writeProblem(record, p, w.sieve)
		} else {
			w.name(record, names.FlowAnomaly)
			writeAnomaly(record, events[i].Anomaly)
		}
	}
	return logs
}

func (w *eventWriter) name(record plog.LogRecord, name string) {
	record.SetEventName(name)
	if w.named {
		record.Attributes().PutStr(names.EventName, name)
	}
}

func severity(record plog.LogRecord, n plog.SeverityNumber) {
	record.SetSeverityNumber(n)
	record.SetSeverityText(n.String())
}

// severityOf is that of a problem that is open; that it ended is no warning.
func severityOf(p *problem.Change) plog.SeverityNumber {
	switch {
	case p.State == problem.Close:
		return plog.SeverityNumberInfo
	case p.Problem.Severity == problem.Error:
		return plog.SeverityNumberError
	}
	return plog.SeverityNumberWarn
}

func putTime(attributes pcommon.Map, name string, t time.Time) {
	if !t.IsZero() {
		attributes.PutInt(name, t.UnixNano())
	}
}

// writeAnomaly writes evidence. Values are of detectors only: a rule says its numbers in
// a sentence.
func writeAnomaly(record plog.LogRecord, a *engine.Anomaly) {
	severity(record, plog.SeverityNumberInfo)
	attributes := record.Attributes()
	if label, ok := a.Label.(pcommon.Map); ok {
		for name, value := range label.All() {
			value.CopyTo(attributes.PutEmpty(name))
		}
	}
	v := &a.Verdict
	attributes.PutStr(names.AnomalyID, a.ID)
	attributes.PutStr(names.AnomalyType, a.Type)
	attributes.PutStr(names.AnomalyState, v.Step.String())
	attributes.PutStr(names.AnomalyChange, v.Change.String())
	attributes.PutStr(names.AnomalySide, string(a.Side))
	if v.Step == detect.Closed {
		attributes.PutStr(names.AnomalyCloseReason, v.Reason.String())
	}
	metric, unit := names.Rise(a.Type)
	putKnown(attributes, names.AnomalyMetric, metric)
	putKnown(attributes, names.AnomalyUnit, unit)
	putTime(attributes, names.AnomalyStartTime, v.Start)
	putTime(attributes, names.AnomalyDetectedTime, v.Detected)
	putTime(attributes, names.AnomalyEndTime, v.End)
	body := a.Evidence
	if v.Samples > 0 {
		writeVerdict(attributes, v)
		if body == "" {
			body = strings.TrimSpace(metric + " rose. " + a.Beside)
		}
	}
	record.Body().SetStr(body)
}

func writeVerdict(attributes pcommon.Map, v *detect.Verdict) {
	attributes.PutDouble(names.AnomalyBaseline, v.Baseline)
	attributes.PutDouble(names.AnomalyValue, v.Value)
	attributes.PutDouble(names.AnomalyPeak, v.Peak)
	attributes.PutDouble(names.AnomalyRatio, v.Ratio)
	attributes.PutDouble(names.AnomalyEvidence, v.Evidence)
	attributes.PutDouble(names.AnomalyThreshold, v.Threshold)
	attributes.PutDouble(names.AnomalyResolution, v.Resolution)
	attributes.PutInt(names.AnomalySamples, int64(min(v.Samples, 1<<62)))
}
