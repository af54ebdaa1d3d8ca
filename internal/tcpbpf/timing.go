// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import "time"

// A Timing is how long the parts of a [Kernel.Collect] took.
type Timing struct {
	Sweep   time.Duration
	Stretch time.Duration // the longest part of the sweep under one RCU read lock
	Swap    time.Duration // until no program wrote to the old epoch any more
	Drain   time.Duration // visits included
}

// Timing returns that of the last [Kernel.Collect], or [Kernel.Sweep].
func (k *Kernel) Timing() Timing { return k.timing }
