// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/diagnose"
	"github.com/tcpwhy/tcpwhy/internal/problem"
)

// An Event is news of an anomaly or of a problem: one of them is set.
type Event struct {
	// At is when it happened: the end of the window that told.
	At      time.Time
	Anomaly *Anomaly
	Problem *problem.Change
}

// Shift moves all its times by so much: what tells the engine the time may not be the clock that
// people go by.
func (e *Event) Shift(by time.Duration) {
	if by == 0 {
		return
	}
	e.At = e.At.Add(by)
	if e.Anomaly != nil {
		v := &e.Anomaly.Verdict
		for _, t := range [...]*time.Time{&v.Start, &v.Detected, &v.End} {
			if !t.IsZero() {
				*t = t.Add(by)
			}
		}
	}
	if e.Problem != nil {
		e.Problem.Problem.Shift(by)
	}
}

// An Anomaly is evidence, not yet something that a person should look at.
type Anomaly struct {
	ID       string
	Type     string // value of tcp.anomaly.type
	Verdict  detect.Verdict
	Side     diagnose.Side
	Evidence string // a sentence; empty where a detector alone speaks
	Beside   string // what is to be said beside that; may be empty
	Role     Role
	Label    any // of the flow, as it was given to the engine
}

// A step is what happened to an anomaly in the window that is being judged.
type step struct {
	anomaly *anomaly
	step    detect.Step
}

// tell tells of the anomalies of the window.
func (e *Engine) tell(at time.Time) {
	for _, s := range e.steps {
		a := s.anomaly
		e.events = append(e.events, Event{At: at, Anomaly: &Anomaly{
			ID: a.id, Type: a.typ(), Verdict: a.present(), Side: a.side(), Evidence: a.finding.Evidence, Beside: a.beside,
			Role: a.view.key.role, Label: a.view.label,
		}})
	}
	clear(e.steps)
	e.steps = e.steps[:0]
}
