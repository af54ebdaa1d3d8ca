// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"fmt"

	"github.com/cilium/ebpf"
)

// A census knows how many records a sweep has yet to meet. Connections are counted
// exactly: one that closes meanwhile is met by nobody, and one that opens need not be.
// Listeners have no such count: as many are looked for as the last sweep met and have
// begun since.
type census struct {
	records   *ebpf.Map
	epoch     *epoch
	opened    tcpwhyCensus // when this sweep began
	listened  uint64       // when the last one did
	listeners uint64       // that it met
}

// begin counts, once the tick has come from which on whoever opens is no part of the
// sweep.
func (c *census) begin(ctx context.Context) error {
	if err := c.epoch.begun(ctx); err != nil {
		return err
	}
	c.listened = c.opened.Listened
	closed, err := c.read()
	if err != nil {
		return err
	}
	// Read afterwards: whoever is among the closed has opened, perhaps on another CPU.
	if c.opened, err = c.read(); err != nil {
		return err
	}
	c.opened.Closed, c.opened.ClosedUnmet = closed.Closed, closed.ClosedUnmet
	return nil
}

// unmet is how many are to be met yet.
func (c *census) unmet(p *tcpwhyProgress) (connections, listeners int64, err error) {
	now, err := c.read()
	if err != nil {
		return 0, 0, err
	}
	connections = int64(c.opened.Opened-c.opened.Closed) - int64(now.ClosedUnmet-c.opened.ClosedUnmet) - int64(p.Met)
	listeners = int64(c.listeners+c.opened.Listened-c.listened) - int64(p.Listeners)
	return max(connections, 0), max(listeners, 0), nil
}

// end remembers the listeners for the next sweep.
func (c *census) end(p *tcpwhyProgress) { c.listeners = p.Listeners }

// read adds up what each CPU has counted.
func (c *census) read() (sum tcpwhyCensus, err error) {
	var each []tcpwhyCensus
	if err := c.records.Lookup(uint32(0), &each); err != nil {
		return sum, fmt.Errorf("count records: %w", err)
	}
	for _, one := range each {
		sum.Opened += one.Opened
		sum.Closed += one.Closed
		sum.ClosedUnmet += one.ClosedUnmet
		sum.Listened += one.Listened
	}
	return sum, nil
}
