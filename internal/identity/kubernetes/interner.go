// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import "github.com/tcpwhy/tcpwhy/internal/identity"

// An interner keeps one copy of what many have. What it forgets is only kept twice from
// then on.
type interner[T comparable] struct {
	known map[T]*T
	limit int
}

const internedAtLeast = 1 << 12

func newInterner[T comparable]() interner[T] {
	return interner[T]{known: map[T]*T{}, limit: internedAtLeast}
}

func (n *interner[T]) intern(v T) *T {
	if known, ok := n.known[v]; ok {
		return known
	}
	if len(n.known) >= n.limit {
		clear(n.known)
	}
	n.known[v] = &v
	return &v
}

// shares are what pods share: what they have alike, and names of containers.
type shares struct {
	commons interner[identity.Common]
	names   interner[string]
}

func newShares() *shares {
	return &shares{commons: newInterner[identity.Common](), names: newInterner[string]()}
}

func (s *shares) common(c identity.Common) *identity.Common { return s.commons.intern(c) }
func (s *shares) name(name string) *string                  { return s.names.intern(name) }

// fit makes room for what so many pods have alike. Where each is its own workload, more
// room would only cost memory.
func (s *shares) fit(pods int) { s.commons.limit = max(s.commons.limit, pods/4) }
