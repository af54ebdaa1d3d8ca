// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A ledger is a collector whose deltas go on to a table in which flows expire.
type ledger struct {
	*collector
	own       func(flow.Key) bool
	flows     map[*flow.Flow]bool // all that ever were
	expired   int
	intervals int
}

// newLedger balances the flows of the test. Of others connections are open that nobody
// saw opened.
func newLedger(c *collector, own func(flow.Key) bool) *ledger {
	limits := flow.Limits{Flows: 65536, Overflows: 1, Idle: 10 * time.Millisecond}
	c.table = flow.NewTable(limits, instant(), c.Owner)
	return &ledger{collector: c, own: own, flows: make(map[*flow.Flow]bool)}
}

func instant() flow.Instant {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return flow.Instant{Wall: uint64(time.Now().UnixNano()), Boot: uint64(now.Nano())}
}

// interval ends an interval of the table. A flow that is gone is not changed any
// more: it holds what was exported of it.
func (l *ledger) interval() {
	l.table.Seal(instant(), l.report, true)
	for _, group := range l.table.Groups() {
		for _, f := range group.Flows {
			l.flows[f] = true
			if f.Ended() {
				l.expired++
			}
		}
	}
	l.table.Commit()
	l.intervals++
}

// sweepOn sweeps without a pause until stop or the test's end, and collects after
// that many sweeps, and when it stops.
func (l *ledger) sweepOn(sweeps int) (stop func()) {
	enough, end := make(chan struct{}), make(chan error, 1)
	go func() { end <- l.sweepUntil(enough, sweeps) }()
	stop = sync.OnceFunc(func() {
		close(enough)
		require.NoError(l.t, <-end)
	})
	l.t.Cleanup(stop)
	return stop
}

func (l *ledger) sweepUntil(enough chan struct{}, sweeps int) error {
	for {
		for n := 0; n < sweeps && !closed(enough); n++ {
			if err := l.Sweep(context.Background()); err != nil {
				return err
			}
		}
		if err := l.tryCollect(); err != nil {
			return err
		}
		if err := l.balance(); err != nil {
			return err
		}
		l.interval()
		if closed(enough) {
			return nil
		}
	}
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// balance compares gauges and counters: what was opened and is not closed is open.
func (l *ledger) balance() error {
	for key, s := range l.sums {
		if !l.own(key) {
			continue
		}
		var live uint64
		for _, n := range s.Live {
			live += n
		}
		if s.Opened != s.closed()+live {
			return fmt.Errorf("balance %+v: %d opened, %d closed, %d open", key, s.Opened, s.closed(), live)
		}
	}
	return nil
}

// sum adds up all flows that the table ever had.
func (l *ledger) sum(match func(flow.Key) bool) (total sum) {
	for f := range l.flows {
		if match(f.Key) {
			s := held(f)
			total.add(&s)
		}
	}
	return total
}

func held(f *flow.Flow) sum {
	s := sum{
		Bytes: f.Bytes, Segments: f.Segments, DataSegments: f.DataSegments,
		Time: f.Time, Exchanges: f.Exchanges, Opened: f.Opened, Closed: f.Closed,
		RTT: counted(&f.RTT), RTTVariation: counted(&f.RTTVariation),
		ReceiveWindow: counted(&f.ReceiveWindow), SendWindow: counted(&f.SendWindow),
		RTTTime: f.RTT.Sum(),
	}
	if f.Trouble != nil {
		s.suffer(&f.Trouble.Trouble)
	}
	if !f.Setup.Empty() {
		s.Setups, s.SetupTime = counted(f.Setup), f.Setup.Sum()
	}
	if !f.Duration.Empty() {
		s.Lives, s.Lifetime = counted(f.Duration), f.Duration.Sum()
	}
	for state, n := range f.Live {
		s.Live[state] = uint64(n)
	}
	return s
}

func counted(h *flow.Histogram) uint64 {
	n := h.Zero()
	_, counts := h.AppendCounts(nil)
	for _, count := range counts {
		n += count
	}
	return n
}
