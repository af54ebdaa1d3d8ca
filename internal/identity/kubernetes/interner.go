// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

// An interner keeps one copy of names that many have. What it forgets is only kept
// twice from then on.
type interner struct {
	names map[string]string
	limit int
}

func newInterner() *interner { return &interner{names: map[string]string{}, limit: 1 << 12} }

func (n *interner) intern(s string) string {
	if s == "" {
		return ""
	}
	if known, ok := n.names[s]; ok {
		return known
	}
	if len(n.names) >= n.limit {
		clear(n.names)
	}
	n.names[s] = s
	return s
}

// fit lets the interner hold the names of so many pods.
func (n *interner) fit(pods int) { n.limit = max(n.limit, 2*pods) }
