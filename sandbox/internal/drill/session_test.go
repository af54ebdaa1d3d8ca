// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/supervise"
)

var errBroken = errors.New("it is broken")

// A fake is a shop that fails when it is told to.
type fake struct {
	inject  map[string]error // by fault
	lift    map[string][]error
	history error
	sound   error
	begun   func() // when a fault begins
	closing chan struct{}
	all     []supervise.Injection
}

func (f *fake) Inject(spec fault.Spec) (supervise.Injection, error) {
	one := supervise.Injection{ID: uint16(len(f.all) + 1), Spec: spec, Start: time.Now()}
	err := f.inject[spec.Fault]
	if err != nil {
		one.Failed = err.Error()
	}
	f.all = append(f.all, one)
	if f.begun != nil {
		f.begun()
	}
	return one, err
}

func (f *fake) Lift(id uint16) (supervise.Injection, error) {
	one := &f.all[id-1]
	if errs := f.lift[one.Fault]; len(errs) > 0 {
		f.lift[one.Fault] = errs[1:]
		return *one, errs[0]
	}
	one.End = time.Now()
	return *one, nil
}

func (f *fake) History() ([]supervise.Injection, error) { return f.all, f.history }
func (f *fake) Records() ([]string, error)              { return nil, nil }
func (f *fake) Sound() error                            { return f.sound }
func (f *fake) Closing() <-chan struct{}                { return f.closing }

// starting makes a drill of two faults that begin and end at once, and a collector that
// says nothing.
func starting(t *testing.T, shop *fake) *session {
	t.Helper()
	pair := fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}
	c, err := watch(exec.Command("sleep", "600"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Stop() })
	m, err := startMeter(c.cmd.Process.Pid, []int{os.Getpid()})
	require.NoError(t, err)
	return &session{
		plan: Plan{Name: "full", Seed: 1, Length: 4, Steps: []Step{
			{Spec: fault.Spec{Fault: "loss-3", Place: pair, Seed: 1}, At: 0, For: 1},
			{Spec: fault.Spec{Fault: "delay", Place: pair, Seed: 2}, At: 2, For: 1},
		}},
		out: t.TempDir(), shop: shop, collector: c, meter: m, say: t.Logf,
	}
}

// written is the report in the drill's folder, as it is.
func written(t *testing.T, s *session) (r Report) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.out, reportFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &r))
	require.FileExists(t, filepath.Join(s.out, pageFile))
	return r
}

// terminated is what stop says of a process that SIGTERM ends.
const terminated = "stop collector: signal: terminated"

// Whatever goes wrong, the report is written, with what was done until then, and says so.
func TestReportOfATroubledDrill(t *testing.T) {
	for name, test := range map[string]struct {
		shop   fake
		errors []string
		faults int // of which there is an outcome
		shown  int // injections
	}{
		"nothing":            {fake{}, nil, 2, 2},
		"one does not begin": {fake{inject: map[string]error{"loss-3": errBroken}}, []string{"it is broken"}, 1, 2},
		"one complains":      {fake{lift: map[string][]error{"loss-3": {errBroken}}}, nil, 2, 2},
		"one does not end": {
			fake{lift: map[string][]error{"loss-3": {errBroken, errBroken}}},
			[]string{"the drill ends here: it is broken"}, 1, 1,
		},
		"one never ends": {
			fake{lift: map[string][]error{"loss-3": {errBroken, errBroken, errBroken}}},
			[]string{"the drill ends here: it is broken", "it is broken"}, 1, 1,
		},
		"a node says nothing": {fake{history: errBroken}, []string{"it is broken", "it is broken"}, 2, 2},
		"a pod has ended":     {fake{sound: errBroken}, []string{"it is broken"}, 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := starting(t, &test.shop)
			r, err := s.run(context.Background())
			require.ErrorContains(t, err, terminated)
			again := written(t, s)
			require.ElementsMatch(t, append(test.errors, terminated), again.Errors)
			require.Equal(t, r.Errors, again.Errors)
			require.Len(t, again.Score.Outcomes, test.faults)
			require.Len(t, again.Injections, test.shown)
			require.Positive(t, again.Load.Seconds)
			page, err := os.ReadFile(filepath.Join(s.out, pageFile))
			require.NoError(t, err)
			for _, one := range again.Errors {
				require.Contains(t, string(page), "Went wrong: "+one)
			}
		})
	}
}

// A collector that ends is noticed at once, and not when the plan is over.
func TestCollectorEnds(t *testing.T) {
	shop := &fake{}
	s := starting(t, shop)
	s.plan.Steps[0].For, s.plan.Length = 10*time.Hour, 11*time.Hour
	s.plan.Steps[1].At = 10 * time.Hour
	shop.begun = func() { require.NoError(t, s.collector.cmd.Process.Kill()) }
	_, err := s.run(context.Background())
	require.ErrorIs(t, err, errGone)
	r := written(t, s)
	require.Equal(t, "the drill ends here: the collector has ended by itself, see collector.log", r.Errors[0])
	require.Contains(t, r.Errors, "stop collector: signal: killed")
	require.Len(t, r.Score.Outcomes, 1)
	require.Equal(t, supervise.Ended, r.Injections[0].State(), "what was there was lifted")
	require.Equal(t, "What the shop took was not measured.", fmt.Sprint(r.Load))
}

// Who stops a drill gets the report of what there was.
func TestStopped(t *testing.T) {
	shop := &fake{}
	s := starting(t, shop)
	s.plan.Steps[0].For, s.plan.Length = 10*time.Hour, 11*time.Hour
	s.plan.Steps[1].At = 10 * time.Hour
	ctx, stop := context.WithCancel(context.Background())
	shop.begun = stop
	_, err := s.run(ctx)
	require.EqualError(t, err, terminated)
	require.Len(t, written(t, s).Score.Outcomes, 1)
}

// Somebody who takes the shop down from a console ends the drill, whose collector ends with
// the shop. That is what is said, and not that the collector has ended.
func TestTakenDown(t *testing.T) {
	shop := &fake{closing: make(chan struct{})}
	s := starting(t, shop)
	s.plan.Steps[0].For, s.plan.Length = 10*time.Hour, 11*time.Hour
	s.plan.Steps[1].At = 10 * time.Hour
	shop.begun = func() {
		close(shop.closing)
		require.NoError(t, s.collector.cmd.Process.Kill())
		<-s.collector.gone
	}
	_, err := s.run(context.Background())
	require.ErrorIs(t, err, errTakenDown)
	require.NotErrorIs(t, err, errGone)
	require.Len(t, written(t, s).Score.Outcomes, 1)
}
