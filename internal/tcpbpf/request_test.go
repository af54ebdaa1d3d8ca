// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/cgroup"
	"github.com/tcpwhy/tcpwhy/internal/testutil/mib"
	"github.com/tcpwhy/tcpwhy/internal/testutil/rttlog"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// asked is what was observed of a client, what the witness saw, and how long each exchange
// took by the application's own clock.
type asked struct {
	sum
	waits  waits
	stalls []stalled // of each exchange
	took   time.Duration
	probes uint64        // of the tail, which the kernel sent
	gap    time.Duration // the longest between the beginning of a request and its last write's return
	late   lateness      // of the machine, while there were exchanges
}

// stalled is how many stalls there were, and how long they took, µs.
type stalled struct{ n, us uint64 }

// ask makes n requests on one connection, each written and its answer read by the
// client's round, and collects after each. Each sample of the kernel is a stall or in the
// histogram. Both ends close: where a client that closes alone loses its CPU in the middle of
// that, the acknowledgement of its FIN finds it at work, and the kernel keeps the socket for
// as long as a test waits (tcp_fin_timeout, a minute).
func ask(t *testing.T, path traffic.Path, client func(flow.Key) bool, n int, round []traffic.Step) (a asked) {
	t.Helper()
	k := observe(t, Config{})
	log := rttlog.Start(t, cgroup.Root(t), path.Client)
	before := mib.Read(t, path.Client)
	d := converse(t, k, path, client)
	k.collect()
	var writes []call
	clocks := newMetronome(t)
	for range n {
		clocks.ask(true)
		more := a.exchange(d, round)
		clocks.ask(false)
		a.collect(d)
		writes = append(writes, more...)
	}
	a.late = clocks.stop()
	d.clients(shut)
	d.servers(hear, shut)
	d.clients(hear, await, finish)
	d.gone(flow.RoleClient)

	a.sum = k.sum(client)
	a.probes = mib.Read(t, path.Client).Since(before)["TCPLossProbes"]
	trips := tripsOf(log.Samples(), d.client.End().Local.Port())
	var us uint64
	for _, s := range trips {
		us += uint64(s.RttUs)
	}
	require.EqualValues(t, len(trips), a.RTT+a.Stalls)
	require.Equal(t, us, a.RTTTime+a.StallTime)
	a.waits = newWaits(trips, writes)
	a.waits.requireClock(t)
	return a
}

// exchange has one request answered.
func (a *asked) exchange(d *dialogue, round []traffic.Step) (writes []call) {
	d.t.Helper()
	var begun, done uint64
	var client errgroup.Group
	client.Go(func() (err error) {
		begun = clock()
		writes, err = try(d.client, round)
		done = clock()
		return err
	})
	d.servers(read(200), write(100))
	require.NoError(d.t, client.Wait())
	a.took += time.Duration(done - begun)
	a.gap = max(a.gap, time.Duration(writes[len(writes)-1].done-begun))
	return writes
}

// collect notes which stalls are told of an exchange.
func (a *asked) collect(d *dialogue) {
	d.t.Helper()
	before := d.k.sum(d.match)
	d.k.collect()
	after := d.k.sum(d.match)
	a.stalls = append(a.stalls, stalled{after.Stalls - before.Stalls, after.StallTime - before.StallTime})
}

// tripsOf returns the round trips of the socket of a local port, in order.
func tripsOf(samples []rttlog.Sample, port uint16) (trips []rttlog.Sample) {
	for _, s := range samples {
		if s.LocalPort == port && counts(s) {
			trips = append(trips, s)
		}
	}
	return trips
}

// A call is one of the client's that wrote so many bytes: when it began and when it had
// returned, by the application's own clock (CLOCK_MONOTONIC, ns).
type call struct {
	bytes       uint32
	begun, done uint64
}

// try takes the steps of a round.
func try(c *traffic.Conn, round []traffic.Step) (writes []call, err error) {
	for _, step := range round {
		w := call{bytes: uint32(step.Bytes), begun: clock()}
		if err := c.Try(step); err != nil {
			return nil, err
		}
		w.done = clock()
		if step.Verb == traffic.Write || step.Verb == traffic.Gather {
			writes = append(writes, w)
		}
	}
	return writes, nil
}

func clock() uint64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return uint64(now.Nano())
}

// A wait is an acknowledgement of all that had been sent, which has ended a round trip, when
// the last of it had been written, and when what was written next. The kernel calls with the
// socket locked: nothing is written meanwhile.
type wait struct {
	rttlog.Sample
	offset     uint32 // of what is acknowledged, bytes
	last, next *call  // next is nil if nothing more was written
}

// waiting tells whether something was written and not sent.
func (w *wait) waiting() bool { return w.Written != w.Sent }

// waits are all those of one client.
type waits []wait

// newWaits puts together what was logged. The handshake's sample comes before all data.
func newWaits(trips []rttlog.Sample, writes []call) (all waits) {
	for _, s := range trips {
		if s.Op != rttlog.RTT || s.Una != s.Sent {
			continue
		}
		w := wait{Sample: s, offset: s.Una - trips[0].Una}
		w.last, w.next = around(writes, w.offset)
		all = append(all, w)
	}
	return all
}

// around returns the call that wrote the last byte before an offset, and the one that
// wrote the first one behind it.
func around(writes []call, offset uint32) (last, next *call) {
	for i := range writes {
		if offset == 0 {
			return last, &writes[i]
		}
		offset -= writes[i].bytes
		last = &writes[i]
	}
	return last, nil
}

// requireClock compares with the application's own clock: what waits was written before the
// acknowledgement came, and the round trip began when what it ends was written.
func (w waits) requireClock(t *testing.T) {
	t.Helper()
	for i := range w {
		w := &w[i]
		if w.next == nil {
			continue
		}
		if w.next.done < w.TimeNs {
			require.True(t, w.waiting(), "written before the acknowledgement came: %s", w)
		}
		if w.next.begun > w.TimeNs {
			require.False(t, w.waiting(), "written after the acknowledgement came: %s", w)
		}
		if w.waiting() {
			require.LessOrEqual(t, uint64(w.RttUs), w.CameUs-w.last.begun/1000+1, "%s", w)
			require.GreaterOrEqual(t, uint64(w.RttUs)+1, w.CameUs-min(w.last.done/1000, w.CameUs), "%s", w)
		}
	}
}

// String tells times before and after the acknowledgement.
func (w *wait) String() string {
	since := func(ns uint64) time.Duration { return time.Duration(ns - w.TimeNs) }
	return fmt.Sprintf("%d bytes wait, after a round trip of %d µs; last call %s to %s, next call %s to %s",
		w.Written-w.Sent, w.RttUs, since(w.last.begun), since(w.last.done), since(w.next.begun), since(w.next.done))
}

// sum returns how many round trips ended while something waited, and how long they took, µs.
func (w waits) sum() (n, us uint64) {
	for i := range w {
		if w[i].waiting() {
			n++
			us += uint64(w[i].RttUs)
		}
	}
	return n, us
}

// each is sum for each of n requests of so many bytes.
func (w waits) each(n int, bytes uint32) []stalled {
	all := make([]stalled, n)
	for i := range w {
		if w[i].waiting() {
			s := &all[w[i].offset/bytes]
			s.n++
			s.us += uint64(w[i].RttUs)
		}
	}
	return all
}

// within returns how many requests of so many bytes were acknowledged before their end.
func (w waits) within(bytes uint32) (n int) {
	for i := range w {
		if w[i].offset%bytes != 0 {
			n++
		}
	}
	return n
}
