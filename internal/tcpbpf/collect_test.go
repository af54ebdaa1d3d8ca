// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// patience bounds what a test waits for in the kernel, such as a close.
const patience = time.Minute

// A collector adds up what a kernel side hands out, by key. The whole machine's
// traffic is among it.
type collector struct {
	*Kernel
	t      testing.TB
	sums   map[flow.Key]*sum
	gauges map[flow.Key]flow.Gauges    // of the last interval
	named  map[flow.OwnerID]flow.Owner // as of the first interval with a flow of theirs
	report flow.Report                 // of the last interval
	// Why RSTs were sent, of flows and of no connection.
	reasons map[flow.Key]map[string]uint64
	strays  map[string]uint64
	table   *flow.Table // gets the deltas too, if there is one
}

// roomy is room for the flows of this test and of those in other processes: a
// kernel side observes the whole machine.
const roomy = 1 << 18

// observe attaches a kernel side that ends with the test.
func observe(t testing.TB, cfg Config) *collector {
	t.Helper()
	root.Require(t)
	if cfg.MaxFlows == 0 {
		cfg.MaxFlows = roomy
	}
	k, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, k.Close()) })
	return &collector{Kernel: k, t: t, sums: make(map[flow.Key]*sum), gauges: make(map[flow.Key]flow.Gauges),
		named: make(map[flow.OwnerID]flow.Owner), reasons: make(map[flow.Key]map[string]uint64), strays: make(map[string]uint64)}
}

// collect adds up one more interval.
func (c *collector) collect() {
	c.t.Helper()
	require.NoError(c.t, c.tryCollect())
}

// tryCollect is collect for a goroutine that is not the test's.
func (c *collector) tryCollect() (err error) {
	for _, s := range c.sums {
		s.Live = [flow.NumStates]uint64{}
	}
	clear(c.gauges)
	c.report, err = c.Collect(context.Background(), c.add)
	for _, r := range c.report.StrayResets {
		c.strays[r.Name] += r.Count
	}
	return err
}

func (c *collector) add(d *flow.Delta) {
	s := c.sums[d.Key]
	if s == nil {
		s = new(sum)
		c.sums[d.Key] = s
	}
	more := sumOf(d)
	s.add(&more)
	c.gauges[d.Key] = d.Now
	for _, r := range d.ResetReasons {
		if c.reasons[d.Key] == nil {
			c.reasons[d.Key] = make(map[string]uint64)
		}
		c.reasons[d.Key][r.Name] += r.Count
	}
	if _, known := c.named[d.Key.Owner]; !known {
		c.named[d.Key.Owner] = c.Owner(d.Key.Owner) // a dead process's record goes soon
	}
	if c.table != nil {
		c.table.Add(d)
	}
}

// collectWhile collects again and again while work is done, and looks each time.
func (c *collector) collectWhile(work func() error, look func()) {
	c.t.Helper()
	done := make(chan error, 1)
	go func() { done <- work() }()
	for running := true; running; {
		select {
		case err := <-done:
			require.NoError(c.t, err)
			running = false
		default:
		}
		c.collect()
		look()
	}
}

// until collects until ok, and then once more: what is counted twice or late
// shows then.
func (c *collector) until(ok func() bool) {
	c.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(patience)
	for c.collect(); !ok(); c.collect() {
		if time.Now().After(deadline) {
			require.FailNow(c.t, "condition never held", "%s", c)
		}
		<-tick.C
	}
	c.collect()
}

// untilClosed collects until n connections of the matching flows are closed.
func (c *collector) untilClosed(n int, match func(flow.Key) bool) {
	c.t.Helper()
	c.until(func() bool {
		s := c.sum(match)
		return s.closed() >= uint64(n)
	})
}

// sum adds up all flows whose key matches.
func (c *collector) sum(match func(flow.Key) bool) (total sum) {
	for key, s := range c.sums {
		if match(key) {
			total.add(s)
		}
	}
	return total
}

// reasonsOf adds up why RSTs of all flows whose key matches were sent.
func (c *collector) reasonsOf(match func(flow.Key) bool) map[string]uint64 {
	total := make(map[string]uint64)
	for key, reasons := range c.reasons {
		for name, n := range reasons {
			if match(key) {
				total[name] += n
			}
		}
	}
	return total
}

// now returns what the last interval saw of the one flow that matches.
func (c *collector) now(match func(flow.Key) bool) flow.Gauges {
	c.t.Helper()
	keys := c.keys(match)
	require.Len(c.t, keys, 1)
	return c.gauges[keys[0]]
}

// keys returns the keys that match.
func (c *collector) keys(match func(flow.Key) bool) (keys []flow.Key) {
	for key := range c.sums {
		if match(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// String lists all flows, for who looks at a failure.
func (c *collector) String() (s string) {
	for key, sum := range c.sums {
		s += fmt.Sprintf("%+v: %+v\n", key, *sum)
	}
	return s + fmt.Sprintf("last report: %+v", c.report)
}

// at matches the flows that have one of the addresses at either end.
func at(addresses ...netip.Addr) func(flow.Key) bool {
	return func(k flow.Key) bool {
		return slices.Contains(addresses, k.Local) || slices.Contains(addresses, k.Remote)
	}
}

// role narrows a match to one role.
func role(r flow.Role, match func(flow.Key) bool) func(flow.Key) bool {
	return func(k flow.Key) bool { return k.Role == r && match(k) }
}
