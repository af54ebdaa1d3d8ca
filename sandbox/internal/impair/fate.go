// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A Config says what happens to packets. The zero value lets them pass.
type Config struct {
	Loss      float64       `json:"loss,omitempty"`    // share that is dropped
	Delay     time.Duration `json:"delay,omitempty"`   // of every packet, at least
	Jitter    time.Duration `json:"jitter,omitempty"`  // up to so much more; packets stay in order
	Reorder   float64       `json:"reorder,omitempty"` // share that is late by ReorderBy, overtaken by others
	ReorderBy time.Duration `json:"reorder_by,omitempty"`
	Duplicate float64       `json:"duplicate,omitempty"` // share that comes twice
	Rate      float64       `json:"rate,omitempty"`      // bytes each second of the slow link; 0 is no such link
	Queue     float64       `json:"queue,omitempty"`     // bytes that may wait for the slow link
	Seed      uint64        `json:"seed"`
}

// Validate checks the numbers.
func (c Config) Validate() error {
	for name, share := range map[string]float64{"loss": c.Loss, "reorder": c.Reorder, "duplicate": c.Duplicate} {
		if share < 0 || share > 1 {
			return fmt.Errorf("impairment %s: %v is not between 0 and 1", name, share)
		}
	}
	if c.Rate > 0 && c.Queue <= 0 {
		return fmt.Errorf("impairment rate: %v bytes/s need a queue, which has %v bytes", c.Rate, c.Queue)
	}
	if c.Duplicate > 0 && c != (Config{Duplicate: c.Duplicate, Seed: c.Seed}) {
		return fmt.Errorf("impairment duplicate: packets of which %v come twice can be neither lost nor late", c.Duplicate)
	}
	return nil
}

// A fate is what is to happen to a packet.
type fate struct {
	drop  bool
	late  bool // overtaken by others
	twice bool
	delay time.Duration // from its arrival
}

// fates decides about one packet after the other. Every packet takes as many random
// numbers as any other, so that switching one impairment on or off leaves the others as
// they were.
type fates struct {
	config Config
	random *rand.Rand
}

func newFates(config Config) *fates {
	return &fates{config: config, random: rand.New(rand.NewPCG(config.Seed, 0))}
}

func (f *fates) next() fate {
	loss, reorder, twice, jitter := f.random.Float64(), f.random.Float64(), f.random.Float64(), f.random.Float64()
	next := fate{
		drop:  loss < f.config.Loss,
		late:  reorder < f.config.Reorder,
		twice: twice < f.config.Duplicate,
		delay: f.config.Delay + time.Duration(jitter*float64(f.config.Jitter)),
	}
	if next.late {
		next.delay += f.config.ReorderBy
	}
	return next
}

// A link is a slow one: what it cannot carry yet waits, what finds its queue full is lost.
type link struct {
	rate, room float64 // bytes each second, bytes
	free       time.Time
}

// take returns when the last byte of a packet is through.
func (l *link) take(now time.Time, bytes int) (due time.Time, ok bool) {
	if l.rate <= 0 {
		return now, true
	}
	if l.free.Before(now) {
		l.free = now
	}
	if l.free.Sub(now).Seconds()*l.rate+float64(bytes) > l.room {
		return time.Time{}, false
	}
	l.free = l.free.Add(time.Duration(float64(bytes) / l.rate * float64(time.Second)))
	return l.free, true
}
