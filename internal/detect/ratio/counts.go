// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ratio

import "github.com/tcpwhy/tcpwhy/internal/detect"

// Counts are a window's trials, and those of them that were events.
type Counts struct {
	Trials, Events float64
}

// Merge adds other counts of the same series and window.
func (c *Counts) Merge(other *Counts) {
	c.Trials += other.Trials
	c.Events += other.Events
}

// Valid reports whether the counts can be such: neither negative nor infinite,
// and numbers.
func (c *Counts) Valid() bool { return detect.IsCount(c.Trials) && detect.IsCount(c.Events) }
