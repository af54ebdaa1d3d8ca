// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/verdict"
)

// A patient is a shop, as far as a drill needs it.
type patient interface {
	Inject(fault.Spec) (supervise.Injection, error)
	Lift(id uint16) (supervise.Injection, error)
	History() ([]supervise.Injection, error)
	Records() ([]string, error)
	Sound() error
	Closing() <-chan struct{}
}

// errTakenDown is said of a shop that somebody else took down.
var errTakenDown = errors.New("the drill ends here: the shop was taken down from a console")

// A session is a drill that goes on: the shop is up, the collector observes it.
type session struct {
	plan      Plan
	out       string
	shop      patient
	collector *Collector
	meter     *meter
	say       func(format string, args ...any)
}

// run follows the plan until it, ctx, the collector or the shop has ended, and reports what
// happened until then. There is a report whatever went wrong; what did is in it, and is the
// error.
func (s *session) run(ctx context.Context) (Report, error) {
	r := Report{Plan: s.plan, Start: time.Now()}
	errs := s.follow(ctx)
	note := func(err error) { errs = append(errs, err) }
	note(liftAll(s.shop))
	r.End = time.Now()
	var err error
	if r.Load, err = s.meter.stop(); err != nil {
		r.Load = Load{}
		note(err)
	}
	note(s.collector.Stop())
	r.Injections, err = s.shop.History()
	note(err)
	records, err := s.shop.Records()
	note(errors.Join(err, keep(s.out, records...)))
	note(s.shop.Sound())
	r.Problems, err = verdict.Read(filepath.Join(s.out, verdictFile))
	note(err)
	for _, err := range errs {
		if err != nil {
			r.Errors = append(r.Errors, err.Error())
		}
	}
	r.rate()
	return r, errors.Join(append(errs, r.write(s.out))...)
}

// liftAll ends what is still there, so that what was done to packets is written down.
func liftAll(shop patient) error {
	history, err := shop.History()
	errs := []error{err}
	for _, one := range history {
		if one.Active() {
			_, err := shop.Lift(one.ID)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// follow does what the plan says when it says it. What does not begin is left out; what
// does not end is the drill's end, for the shop is not as the plan says any more.
func (s *session) follow(ctx context.Context) (errs []error) {
	began, ids := time.Now(), make(map[int]uint16)
	for _, m := range s.plan.moments() {
		select {
		case <-ctx.Done():
			return errs
		case <-s.shop.Closing():
			return append(errs, errTakenDown)
		case <-s.collector.gone:
			select {
			case <-s.shop.Closing(): // that was why
				return append(errs, errTakenDown)
			default:
				return append(errs, errGone)
			}
		case <-time.After(time.Until(began.Add(m.at))):
		}
		var err error
		switch id, there := ids[m.step]; {
		case m.begin:
			ids[m.step], err = s.begin(m)
			if err != nil {
				delete(ids, m.step)
			}
		case there:
			if err = s.end(m, id); err != nil {
				return append(errs, fmt.Errorf("the drill ends here: %w", err))
			}
		}
		errs = append(errs, err)
	}
	return errs
}

func (s *session) begin(m moment) (uint16, error) {
	spec := s.plan.Steps[m.step].Spec
	one, err := s.shop.Inject(spec)
	if err != nil {
		s.say("%v  did not begin: %v", m.at.Round(time.Second), err)
		return 0, err
	}
	s.say("%v  begins %s, %s", m.at.Round(time.Second), spec.Fault, spec.Place)
	return one.ID, nil
}

// end lifts a fault, twice if need be: who complains while it stops has stopped.
func (s *session) end(m moment, id uint16) error {
	one, err := s.shop.Lift(id)
	if err != nil {
		s.say("%v  did not end at once: %v", m.at.Round(time.Second), err)
		if one, err = s.shop.Lift(id); err != nil {
			return err
		}
	}
	s.say("%v  ends   %s, %s (%d of %d packets dropped)", m.at.Round(time.Second), one.Fault, one.Place, one.Stats.Dropped, one.Stats.Packets)
	if one.Witness != nil {
		s.say("%v         %s", m.at.Round(time.Second), one.Witness)
	}
	return nil
}
