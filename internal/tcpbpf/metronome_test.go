// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
	"github.com/tcpwhy/tcpwhy/internal/testutil/stall"
)

// A metronome has a thread on each CPU that sleeps again and again, and notes how much later
// than it asked for it runs again, while it is asked to. So it knows what delays whoever runs there: other
// processes, interrupts, and the host of a virtual machine.
type metronome struct {
	t       *testing.T
	end     func()
	threads errgroup.Group
	late    []lateness // of each thread
	asked   atomic.Bool
}

// beat is how long a thread sleeps at a time.
const beat = time.Millisecond

// newMetronome starts one, which is not asked yet, and ends with the test at the latest.
func newMetronome(t *testing.T) *metronome {
	t.Helper()
	over := make(chan struct{})
	m := &metronome{t: t, end: sync.OnceFunc(func() { close(over) }), late: make([]lateness, runtime.NumCPU())}
	var begun sync.WaitGroup
	for i := range m.late {
		begun.Add(1)
		once := sync.OnceFunc(begun.Done)
		m.threads.Go(func() error {
			defer once()
			return stall.OnCPU(i, func() error { return m.measure(&m.late[i], once, over) })
		})
	}
	begun.Wait()
	t.Cleanup(func() {
		m.end()
		_ = m.threads.Wait()
	})
	return m
}

// stop returns what was measured.
func (m *metronome) stop() (all lateness) {
	m.t.Helper()
	m.end()
	require.NoError(m.t, m.threads.Wait())
	for _, l := range m.late {
		all.beats += l.beats
		all.sum += l.sum
		all.worst = max(all.worst, l.worst)
	}
	return all
}

// lateness is how late a number of beats was.
type lateness struct {
	beats      int
	sum, worst time.Duration
}

// A machine is at rest if its clocks are late by no more than that: a second piece is written
// well within the 40 ms after which a peer acknowledges the first, and who is woken three times
// in an exchange loses less than a twentieth of these.
const (
	restWorst = 10 * time.Millisecond
	restMean  = 300 * time.Microsecond
)

func (l lateness) rest() bool { return l.worst <= restWorst && l.mean() <= restMean }

func (l lateness) mean() time.Duration { return l.sum / time.Duration(max(l.beats, 1)) }

func (l *lateness) add(late time.Duration) {
	l.beats++
	l.sum += late
	l.worst = max(l.worst, late)
}

func (l lateness) String() string {
	return fmt.Sprintf("clocks were late by %s, at worst %s", l.mean(), l.worst)
}

// ask has it note what is late from now on, or no more.
func (m *metronome) ask(on bool) { m.asked.Store(on) }

// measure counts from one beat to the next, so that nothing is between two.
func (m *metronome) measure(l *lateness, begun func(), over <-chan struct{}) error {
	for next := clock() + uint64(beat); ; {
		asked, wanted := m.asked.Load(), unix.NsecToTimespec(int64(next))
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &wanted, nil)
		if errors.Is(err, unix.EINTR) {
			continue // by the runtime
		}
		if err != nil {
			return fmt.Errorf("sleep: %w", err)
		}
		now := clock()
		if asked || m.asked.Load() {
			l.add(time.Duration(now - next))
		}
		next = now + uint64(beat)
		begun()
		select {
		case <-over:
			return nil
		default:
		}
	}
}

// TestMetronome holds a CPU, above all others that may run there, and looks whether it is
// noticed. Go's runtime may take it from the goroutine in between: then again.
func TestMetronome(t *testing.T) {
	root.Require(t)
	const held = 3 * restWorst
	var late lateness
	for range 20 {
		m := newMetronome(t)
		m.ask(true)
		require.NoError(t, stall.OnCPU(0, func() error { return hold(held) }))
		if late = m.stop(); late.worst >= held-beat {
			require.False(t, late.rest())
			return
		}
	}
	require.Fail(t, "never noticed", "%s", late)
}

func hold(long time.Duration) error {
	first := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 50}
	if err := unix.SchedSetAttr(0, first, 0); err != nil {
		return err
	}
	for begun := time.Now(); time.Since(begun) < long; {
	}
	return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
}
