// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package outcome judges what tests did on one kernel.
package outcome

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

// A Status is how a test ended.
type Status string

// Statuses, as go tool test2json names them.
const (
	Pass    Status = "pass"
	Fail    Status = "fail"
	Skip    Status = "skip"
	Running Status = "" // it did not end
)

// A Test is one that began.
type Test struct {
	Name   string
	Status Status
	Output string
	Took   time.Duration
}

// A Package is one test binary's run.
type Package struct {
	Path  string
	Tests []*Test
	// Output is what belongs to no test.
	Output string
	// Code is the binary's exit code, Took its time.
	Code int
	Took time.Duration
	Done bool
}

// event is a line of go tool test2json.
type event struct {
	Action, Test, Output string
	Elapsed              float64
}

// Decode adds the events that go tool test2json writes to the package.
func (p *Package) Decode(events io.Reader) error {
	tests := make(map[string]*Test)
	for decoder := json.NewDecoder(events); ; {
		var e event
		switch err := decoder.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("decode events of %s: %w", p.Path, err)
		}
		if e.Test == "" {
			p.Output += e.Output
			continue
		}
		test := tests[e.Test]
		if test == nil {
			test = &Test{Name: e.Test}
			tests[e.Test] = test
			p.Tests = append(p.Tests, test)
		}
		test.add(e)
	}
}

func (t *Test) add(e event) {
	switch status := Status(e.Action); status {
	case "output":
		t.Output += e.Output
	case Pass, Fail, Skip:
		t.Status, t.Took = status, time.Duration(e.Elapsed*float64(time.Second))
	}
}

// said is a line that a test logged: four spaces, file, line, text.
var said = regexp.MustCompile(`(?m)^\s+\S+\.go:\d+: (.*)$`)

// Reason returns the last thing that the test said.
func (t *Test) Reason() string {
	lines := said.FindAllStringSubmatch(t.Output, -1)
	if len(lines) == 0 {
		return ""
	}
	return strings.TrimSpace(lines[len(lines)-1][1])
}

// Count returns how many tests ended in which way.
func (p *Package) Count() map[Status]int {
	count := make(map[Status]int)
	for _, test := range p.Tests {
		count[test.Status]++
	}
	return count
}

// Faults returns what is wrong with the run, one sentence each: a test that
// failed or did not end, a skip that is not excused, an exit code that no test
// explains, and, if all were to run, that none passed.
func (p *Package) Faults(excused func(reason string) bool, all bool) (faults []string) {
	for _, test := range p.Tests {
		switch {
		case test.Status == Skip && !excused(test.Reason()):
			faults = append(faults, fmt.Sprintf("%s must not skip: %q", test.Name, test.Reason()))
		case test.Status == Fail:
			faults = append(faults, test.Name+" failed")
		case test.Status == Running:
			faults = append(faults, test.Name+" did not end")
		}
	}
	switch {
	case !p.Done:
		faults = append(faults, "did not end")
	case all && p.Count()[Pass]+len(faults) == 0:
		faults = append(faults, "tested nothing")
	case p.Code != 0 && len(faults) == 0:
		faults = append(faults, fmt.Sprintf("ended with exit code %d", p.Code))
	}
	return faults
}
