// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/tcpwhy/tcpwhy/internal/diagnose"

// reading judges by what the receivers say of themselves, as far as they are observed: who has a buffer that is set too
// small has it whether or not anybody has waited for it yet, and who has not did not make what was waited for before;
// whose queue is full reads slowly, however short that is.
func reading(v *view, rule *diagnose.Rule) func(t *track, all float64) float64 {
	waited := troubled(v, troubleWindow)
	if waited == nil {
		return nil
	}
	return func(t *track, all float64) float64 {
		r := t.other.latest()
		switch {
		case r == nil:
		case rule.Locked:
			if r.Pinned() {
				return all
			}
			return -all
		case r.Full():
			return all
		}
		return waited(t, all)
	}
}

// latest is what a track did in the last window that it remembers, nil if it remembers none.
func (t *track) latest() *diagnose.Report {
	if t == nil || len(t.past) == 0 {
		return nil
	}
	return &t.past[len(t.past)-1].report
}
