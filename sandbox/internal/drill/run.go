// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

// Options are what a drill may be told.
type Options struct {
	Collector string // binary
	Out       string // folder
	Run       string // the shop's folder
	Load      float64
	Say       func(format string, args ...any)
}

// day is short in a drill, so that the load swings within it.
const day = 40 * time.Minute

// Run breaks a shop by a plan. The report is of what happened until ctx ended, if that is
// earlier. It is written also if there is an error, unless the drill did not begin: then its
// start is zero. Whatever happens, nothing of the shop or the collector is left.
func Run(ctx context.Context, p Plan, o Options) (r Report, err error) {
	out, err := filepath.Abs(o.Out)
	if err != nil {
		return r, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return r, fmt.Errorf("run drill: %w", err)
	}
	if _, err := exec.LookPath(o.Collector); err != nil {
		return r, fmt.Errorf("start collector: build it by make build: %w", err)
	}
	up, err := supervise.Up(supervise.Options{Folder: o.Run, Load: o.Load, Day: day, Seed: p.Seed})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, up.Down()) }()
	if err := up.Probe(p.specs()); err != nil {
		return r, err
	}
	// Consoles see the shop as any other. They are let go before it is down.
	serving, done := context.WithCancel(ctx)
	console := make(chan error, 1)
	go func() { console <- up.Control(serving) }()
	defer func() {
		done()
		err = errors.Join(err, <-console)
	}()
	o.Say("The shop is up: %d services, %d pods.", len(up.Shop.Services), len(up.Shop.Pods))
	// It empties the folder now that the drill can begin, and no sooner: if it could not, the
	// one before would be lost.
	c, err := StartCollector(o.Collector, up, out, true)
	if err != nil {
		return r, err
	}
	if err := keep(out, up.Identities()); err != nil {
		return r, errors.Join(err, c.Stop())
	}
	m, err := startMeter(c.cmd.Process.Pid, up.PIDs())
	if err != nil {
		return r, errors.Join(err, c.Stop())
	}
	o.Say("The collector is up; the first fault comes after %v.", firstAt(p))
	return (&session{plan: p, out: out, shop: up, collector: c, meter: m, say: o.Say}).run(ctx)
}

func firstAt(p Plan) time.Duration {
	if len(p.Steps) == 0 {
		return p.Length
	}
	return p.Steps[0].At.Round(time.Second)
}
