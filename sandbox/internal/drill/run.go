// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/score"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/verdict"
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
// earlier. Whatever happens, nothing of the shop or the collector is left.
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
	// Now that it can begin, and no sooner: if it could not, the one before would be lost.
	if err := empty(out); err != nil {
		return r, err
	}
	o.Say("The shop is up: %d services, %d pods.", len(up.Shop.Services), len(up.Shop.Pods))
	c, err := startCollector(o.Collector, up.Identities(), out, up.Adopt)
	if err != nil {
		return r, err
	}
	if err := keep(out, up.Identities()); err != nil {
		return r, errors.Join(err, c.stop())
	}
	m, err := startMeter(c.cmd.Process.Pid, up.PIDs())
	if err != nil {
		return r, errors.Join(err, c.stop())
	}
	began := time.Now()
	o.Say("The collector is up; the first fault comes after %v.", firstAt(p))
	followed := follow(ctx, p, up, o.Say)
	load, measured := m.stop()
	stopped := c.stop()
	lifted := liftAll(up)
	injections, told := up.History()
	records, found := up.Records()
	if err := errors.Join(followed, measured, stopped, lifted, told, found, keep(out, records...), up.Sound()); err != nil {
		return r, err
	}
	problems, err := verdict.Read(filepath.Join(out, verdictFile))
	if err != nil {
		return r, err
	}
	r = Report{Plan: p, Start: began, End: time.Now(), Load: load, Problems: problems, Injections: injections}
	r.rate()
	return r, r.write(out)
}

func firstAt(p Plan) time.Duration {
	if len(p.Steps) == 0 {
		return p.Length
	}
	return p.Steps[0].At.Round(time.Second)
}

// A moment is when a fault begins or ends.
type moment struct {
	at    time.Duration
	step  int
	begin bool
}

// follow does what the plan says when it says it.
func follow(ctx context.Context, p Plan, up *supervise.Supervisor, say func(string, ...any)) error {
	var moments []moment
	for i, step := range p.Steps {
		moments = append(moments, moment{step.At, i, true}, moment{step.At + step.For, i, false})
	}
	moments = append(moments, moment{at: p.Length, step: -1})
	slices.SortStableFunc(moments, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	began, ids := time.Now(), make(map[int]uint16)
	for _, m := range moments {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(began.Add(m.at))):
		}
		if m.step < 0 {
			return nil
		}
		spec := p.Steps[m.step].Spec
		if !m.begin {
			one, err := up.Lift(ids[m.step])
			if err != nil {
				return err
			}
			say("%v  ends   %s, %s (%d of %d packets dropped)", m.at.Round(time.Second), spec.Fault, spec.Place, one.Stats.Dropped, one.Stats.Packets)
			continue
		}
		one, err := up.Inject(spec)
		if err != nil {
			return err
		}
		ids[m.step] = one.ID
		say("%v  begins %s, %s", m.at.Round(time.Second), spec.Fault, spec.Place)
	}
	return nil
}

// liftAll ends what is still there, so that what was done to packets is written down.
func liftAll(up *supervise.Supervisor) error {
	history, err := up.History()
	errs := []error{err}
	for _, one := range history {
		if one.Active() {
			_, err := up.Lift(one.ID)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// truths are what is expected of what was done, until the drill's end.
func truths(of *shop.Shop, injections []supervise.Injection, end time.Time) (all []score.Fault) {
	for _, one := range injections {
		kind, err := fault.Find(one.Fault)
		if err != nil || one.State() == supervise.Failed {
			continue // it was not there
		}
		if one.Active() {
			one.End = end
		}
		alias, _ := one.Root().Alias(of)
		all = append(all, score.Fault{
			Name: one.Fault, Place: one.Root(), Start: one.Start, End: one.End,
			Expect: kind.Expect, Allow: kind.Allow, Impact: one.Impact(of), Ends: one.Ends(of), Alias: alias,
		})
	}
	return all
}
