// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/tcpbpf"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf/floor"
)

// floorName is the name of the program that returns at once.
const floorName = "floor"

// A counter reads how often programs ran and how long.
type counter struct {
	kernel kernel
	floor  *floor.Floor // nil if it is not attached
}

// A run is what one program did between two readings.
type run struct {
	runs uint64
	time time.Duration
}

// mean is the mean time of a run in ns.
func (r run) mean() float64 { return float64(r.time.Nanoseconds()) / float64(max(1, r.runs)) }

// A reading is what each program did, by name.
type reading map[string]run

func (c counter) read() (reading, error) {
	programs, err := c.kernel.Programs()
	if err != nil {
		return nil, err
	}
	r := make(reading)
	for _, p := range programs {
		r[p.Name] = run{p.Runs, p.Time}
	}
	if c.floor != nil {
		runs, total, err := c.floor.Statistics()
		if err != nil {
			return nil, fmt.Errorf("floor: %w", err)
		}
		r[floorName] = run{runs, total}
	}
	return r, nil
}

// during returns what programs did while fn ran.
func (c counter) during(fn func() error) (reading, error) {
	before, err := c.read()
	if err != nil {
		return nil, err
	}
	if err := fn(); err != nil {
		return nil, err
	}
	after, err := c.read()
	for name, r := range after {
		after[name] = run{r.runs - before[name].runs, r.time - before[name].time}
	}
	return after, err
}

// callbacks are the programs that traffic runs.
var callbacks = []string{tcpbpf.ProgramSockOps, tcpbpf.ProgramDestroy}

// callbackTime is the time of all callbacks, in ns.
func (r reading) callbackTime() (total float64) {
	for _, name := range callbacks {
		total += float64(r[name].time.Nanoseconds())
	}
	return total
}

// A spread is a figure of several repetitions. Whatever disturbs a run makes it
// longer, so the smallest one is nearest to what the programs themselves take.
type spread []float64

func (s spread) String() string { return number(slices.Min(s)) + " / " + number(median(s)) }

// less is what is left of s without o.
func (s spread) less(o spread) string {
	return number(slices.Min(s)-slices.Min(o)) + " / " + number(median(s)-median(o))
}

// spreadOf takes one figure of each reading.
func spreadOf(readings []reading, figure func(reading) float64) (s spread) {
	for _, r := range readings {
		s = append(s, figure(r))
	}
	return s
}
