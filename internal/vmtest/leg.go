// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tcpwhy/tcpwhy/internal/vmtest/outcome"
	"github.com/tcpwhy/tcpwhy/internal/vmtest/suite"
)

// A leg is the tests' run on one kernel.
type leg struct {
	Kernel   string // as the command line names it
	Release  string
	Packages []*outcome.Package
	Faults   []string // one sentence each; without any the leg went well
	Took     time.Duration
}

// test runs all legs: the guests beside each other, then the host, and then
// tells how it went.
func (s *settings) test(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "tcpwhy-vmtest-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	w := &workshop{settings: s, folder: folder}
	if err := w.build(ctx); err != nil {
		return err
	}
	legs := make([]*leg, len(s.kernels))
	var guests errgroup.Group
	guests.SetLimit(2) // each has two processors, which is what small machines have
	for i, kernel := range s.kernels {
		legs[i] = &leg{Kernel: kernel}
		if kernel != host {
			guests.Go(func() error { w.timed(ctx, legs[i], w.boot); return nil })
		}
	}
	_ = guests.Wait()
	for _, l := range legs {
		if l.Kernel == host {
			w.timed(ctx, l, w.onHost)
		}
	}
	s.tell(legs, w.left)
	return errors.Join(keep(record, legs), s.conclude(legs))
}

// A workshop is where legs get their binaries from.
type workshop struct {
	*settings
	folder string
	tests  []suite.Package
	left   []suite.Package
}

func (w *workshop) build(ctx context.Context) error {
	packages, err := suite.Find(ctx, w.patterns...)
	if err != nil {
		return fmt.Errorf("find packages: %w", err)
	}
	for _, p := range packages {
		if p.Left == "" {
			w.tests = append(w.tests, p)
		} else {
			w.left = append(w.left, p)
		}
	}
	if len(w.tests) == 0 {
		return fmt.Errorf("find packages: no tests in %s touch the kernel", strings.Join(w.patterns, " "))
	}
	return suite.Build(ctx, w.folder, w.tests)
}

func (w *workshop) timed(ctx context.Context, l *leg, run func(context.Context, *leg) error) {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	started := time.Now()
	err := run(ctx, l)
	l.Took = time.Since(started)
	l.judge(err, w.all())
}

// arguments are those of each test binary.
func (w *workshop) arguments() []string {
	args := []string{"-test.v=test2json", "-test.paniconexit0", "-test.timeout=" + w.timeout.String(), fmt.Sprint("-test.count=", w.count)}
	if w.run != "" {
		args = append(args, "-test.run="+w.run)
	}
	return args
}

// environment is that of each test binary.
var environment = []string{"TCPWHY_REQUIRE_ROOT=1"}

// onHost runs the binaries one after the other on the host.
func (w *workshop) onHost(ctx context.Context, l *leg) (err error) {
	if l.Release, err = releaseOfHost(); err != nil {
		return err
	}
	r := &recorder{leg: l, workshop: w}
	for i, p := range w.tests {
		args := append(append(strings.Fields(w.sudo), "env"), environment...)
		args = append(append(args, p.Binary), w.arguments()...)
		command := exec.CommandContext(ctx, args[0], args[1:]...)
		command.Dir = p.Folder
		command.Stdout = struct{ io.Writer }{r.Begin(i)}
		command.Stderr = command.Stdout
		started := time.Now()
		err := command.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return fmt.Errorf("run tests of %s: %w", p.Path, err)
		}
		r.End(i, command.ProcessState.ExitCode(), time.Since(started))
	}
	return r.err
}
