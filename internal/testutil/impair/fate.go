// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package impair

import (
	"math/rand/v2"
	"time"
)

// A fate is what is to happen to a packet.
type fate struct {
	drop  bool
	late  bool          // overtaken by others
	delay time.Duration // from its arrival
}

// fates decides about one packet after the other. Every packet takes as many
// random numbers as any other, so that switching one impairment on or off
// leaves the others as they were.
type fates struct {
	config Config
	random *rand.Rand
}

func newFates(config Config) *fates {
	return &fates{config: config, random: rand.New(rand.NewPCG(config.Seed, 0))}
}

func (f *fates) next() fate {
	loss, reorder, jitter := f.random.IntN(1000), f.random.IntN(1000), f.random.Float64()
	next := fate{
		drop:  loss < f.config.Loss,
		late:  reorder < f.config.Reorder,
		delay: f.config.Delay + time.Duration(jitter*float64(f.config.Jitter)),
	}
	if next.late {
		next.delay += f.config.ReorderBy
	}
	return next
}
