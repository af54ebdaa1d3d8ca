// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"context"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

const (
	// minInterval keeps a slip of the pen (10 is 10 ns) from sweeping without pause.
	minInterval = 100 * time.Millisecond
	// maxInterval leaves a widened one eight hours at most: the kernel side's clock tells
	// before from after within nine, see [tcpbpf.Kernel.Sweep].
	maxInterval = 30 * time.Minute
	// widest bounds how many times the configured interval it may become.
	widest = 16
	// calm is how many collections in a row must be short before the interval is
	// narrowed: one that is long for once does not move it to and fro.
	calm = 6
)

// A cadence is the time from one export to the next: the configured interval, or
// twice as much, four times and so on where the kernel takes longer than half of it
// to read. Else a machine with very many sockets would do nothing but count them.
type cadence struct {
	status     *status
	configured time.Duration
	interval   time.Duration // in force
	short      int           // collections in a row that took little of the narrower interval
}

func newCadence(status *status, configured time.Duration) *cadence {
	return &cadence{status: status, configured: configured, interval: configured}
}

// collect reads the kernel side, see [kernel], and follows how long that takes.
func (c *cadence) collect(ctx context.Context, k kernel, visit func(*flow.Delta)) (flow.Report, error) {
	begin, before := time.Now(), c.interval
	report, err := k.Collect(ctx, visit)
	took := time.Since(begin)
	c.status.swept(ctx, took, err)
	if ctx.Err() == nil { // else it was cut short
		c.follow(took, err == nil)
		c.status.paced(ctx, before, c, took)
	}
	return report, err
}

// follow widens the interval at once and narrows it step by step: where a collection
// takes no more than a quarter of the narrower interval, there is room for it to grow
// before that is too narrow again. What one that ended early took says only that it
// was long.
func (c *cadence) follow(took time.Duration, complete bool) {
	limit := widest * c.configured
	if took > c.interval/2 {
		c.short = 0
		for c.interval < limit && took > c.interval/2 {
			c.interval *= 2
		}
		return
	}
	if !complete || took > c.interval/8 {
		c.short = 0
		return
	}
	if c.short++; c.short >= calm && c.interval > c.configured {
		c.short = 0
		c.interval /= 2
	}
}

// exhausted reports whether no wider interval is allowed and this one is too narrow.
func (c *cadence) exhausted(took time.Duration) bool {
	return c.interval == widest*c.configured && took > c.interval/2
}
