// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"slices"
	"sync"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// recall is how long calls are remembered: a fault of a drill, and the time before it.
const recall = 5 * time.Minute

// A memory is of the calls that were made, by their end. It is safe for concurrent use.
type memory struct {
	mu    sync.Mutex
	calls []witness.Call
}

func (m *memory) add(one witness.Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.calls) > 0 && one.End.Sub(m.calls[0].End) > recall {
		m.calls = m.calls[1:]
	}
	m.calls = append(m.calls, one)
}

// since are those that have ended since then.
func (m *memory) since(then time.Time) []witness.Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.calls), func(one witness.Call) bool { return one.End.Before(then) })
}
