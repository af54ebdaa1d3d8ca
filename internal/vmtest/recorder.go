// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/vmtest/outcome"
)

// A recorder makes packages' outcomes of what their tests write.
type recorder struct {
	leg      *leg
	workshop *workshop
	err      error

	text   io.WriteCloser // to test2json
	events chan error
}

// Begin implements guest.Listener.
func (r *recorder) Begin(i int) io.Writer {
	p := &outcome.Package{Path: r.workshop.tests[i].Path}
	r.leg.Packages = append(r.leg.Packages, p)
	converter := exec.Command("go", "tool", "test2json", "-t", "-p", p.Path)
	converter.Stderr = os.Stderr
	in, errIn := converter.StdinPipe()
	out, errOut := converter.StdoutPipe()
	if err := errors.Join(errIn, errOut, converter.Start()); err != nil {
		r.err = errors.Join(r.err, fmt.Errorf("start test2json: %w", err))
		return io.Discard
	}
	r.text, r.events = in, make(chan error, 1)
	go func() { r.events <- errors.Join(p.Decode(out), converter.Wait()) }()
	if r.workshop.verbose {
		return io.MultiWriter(in, &prefixer{prefix: r.leg.Kernel + ": ", out: os.Stdout})
	}
	return in
}

// End implements guest.Listener.
func (r *recorder) End(i, code int, took time.Duration) {
	r.close()
	p := r.leg.Packages[len(r.leg.Packages)-1]
	p.Code, p.Took, p.Done = code, took, true
	count := p.Count()
	fmt.Printf("%-6s %s: %d passed, %d failed, %d skipped in %.0f s\n", r.leg.Kernel, p.Path,
		count[outcome.Pass], count[outcome.Fail], count[outcome.Skip], took.Seconds())
}

// close waits for the events of what was written.
func (r *recorder) close() {
	if r.text != nil {
		r.err = errors.Join(r.err, r.text.Close(), <-r.events)
		r.text = nil
	}
}

func releaseOfHost() (string, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "", fmt.Errorf("ask for the host's kernel: %w", err)
	}
	return unix.ByteSliceToString(name.Release[:]), nil
}
