// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"fmt"
	"strings"

	"github.com/tcpwhy/tcpwhy/internal/testutil/kernel"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/outcome"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/suite"
)

// record is where the run is kept for machines to read.
const record = "out/kernels.json"

// judge notes what is wrong with a leg, given the error that ended it.
func (l *leg) judge(err error, all bool) {
	if err != nil {
		l.Faults = append(l.Faults, err.Error())
	}
	passed := 0
	for _, p := range l.Packages {
		passed += p.Count()[outcome.Pass]
		for _, fault := range p.Faults(kernel.Excused, all) {
			l.Faults = append(l.Faults, p.Path+": "+fault)
		}
	}
	if passed == 0 {
		l.Faults = append(l.Faults, "no test passed")
	}
}

// conclude returns an error unless all legs went well, and the README says what
// they found.
func (s *settings) conclude(legs []*leg) error {
	var bad []string
	for _, l := range legs {
		if len(l.Faults) > 0 {
			bad = append(bad, l.Kernel)
		}
	}
	switch {
	case len(bad) > 0:
		return fmt.Errorf("tests failed on %s", strings.Join(bad, ", "))
	case !s.all():
		return nil
	}
	return s.tabulate(legs)
}

// tell prints what the legs did and what was left out. If verbose, output was
// printed as it came.
func (s *settings) tell(legs []*leg, left []suite.Package) {
	for _, l := range legs {
		fmt.Printf("\n%s: Linux %s\n", l.Kernel, l.Release)
		total := make(map[outcome.Status]int)
		for _, p := range l.Packages {
			s.tellPackage(p, total)
		}
		for _, fault := range l.Faults {
			fmt.Printf("  fault: %s\n", fault)
		}
		fmt.Printf("  %d passed, %d failed, %d skipped in %.0f s\n", total[outcome.Pass],
			total[outcome.Fail]+total[outcome.Running], total[outcome.Skip], l.Took.Seconds())
	}
	fmt.Println()
	for _, p := range left {
		fmt.Printf("left out: %s, because %s\n", p.Path, p.Left)
	}
}

func (s *settings) tellPackage(p *outcome.Package, total map[outcome.Status]int) {
	for _, test := range p.Tests {
		total[test.Status]++
		switch {
		case test.Status == outcome.Skip:
			fmt.Printf("  skipped %s: %s\n", test.Name, test.Reason())
		case test.Status != outcome.Pass && !s.verbose:
			fmt.Print(indent(test.Output))
		}
	}
	if p.Code != 0 && !s.verbose {
		fmt.Print(indent(p.Output))
	}
}

func indent(text string) string {
	if text == "" {
		return ""
	}
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}
