// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"encoding/json"
	"fmt"
	"time"
)

// memoryVersion changes when an older memory cannot be read any more.
const memoryVersion = 1

type memory struct {
	Version int
	Open    []*Problem
	Closed  []*Problem
	Day     string
	Number  int
}

// Save returns all that the register remembers, with its times moved by ahead.
func (r *Register) Save(ahead time.Duration) ([]byte, error) {
	b, err := json.Marshal(memory{memoryVersion, shifted(r.open, ahead), shifted(r.closed, ahead), r.day, r.number})
	if err != nil {
		return nil, fmt.Errorf("save problems: %w", err)
	}
	return b, nil
}

// Load makes the register remember what another one saved. On an error it is as before.
func (r *Register) Load(b []byte) error {
	var m memory
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("load problems: %w", err)
	}
	if m.Version != memoryVersion {
		return fmt.Errorf("load problems: they are of version %d, and only %d can be read", m.Version, memoryVersion)
	}
	for _, list := range [][]*Problem{m.Open, m.Closed} {
		for i, p := range list {
			if p == nil || p.ID == "" {
				return fmt.Errorf("load problems: problem %d of %d has no id", i+1, len(list))
			}
		}
	}
	if len(m.Open) > r.limit {
		r.dropped += uint64(len(m.Open) - r.limit)
		m.Open = m.Open[:r.limit]
	}
	for _, p := range m.Open {
		p.Restored = true
	}
	r.open, r.closed, r.day, r.number, r.loaded = m.Open, m.Closed, m.Day, m.Number, true
	return nil
}

// clamp lets nothing that was loaded have a time after the first moment since: the clock was wrong
// when it was saved, and what was found in the future would not end before.
func (r *Register) clamp(now time.Time) {
	if !r.loaded {
		return
	}
	r.loaded = false
	for _, list := range [][]*Problem{r.open, r.closed} {
		for _, p := range list {
			for _, t := range p.times() {
				if t.After(now) {
					*t = now
				}
			}
		}
	}
}

func shifted(problems []*Problem, by time.Duration) []*Problem {
	if by == 0 {
		return problems
	}
	var moved []*Problem
	for _, p := range problems {
		copied := *p
		copied.Shift(by)
		moved = append(moved, &copied)
	}
	return moved
}
