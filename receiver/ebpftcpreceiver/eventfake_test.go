// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// fakeEvents is a reader of a channel.
type fakeEvents struct {
	events  chan flow.Event
	flushed chan struct{}
	flush   func()
	closed  atomic.Int32

	mu    sync.Mutex
	drops flow.EventDrops
	err   error // of Read
}

func newFakeEvents() *fakeEvents {
	f := &fakeEvents{events: make(chan flow.Event, 10_000), flushed: make(chan struct{})}
	f.flush = sync.OnceFunc(func() { close(f.flushed) })
	return f
}

func (f *fakeEvents) Read(deadline time.Time) (flow.Event, error) {
	if err := f.failure(); err != nil {
		return flow.Event{}, err
	}
	timeout := time.NewTimer(time.Until(deadline))
	defer timeout.Stop()
	select {
	case e := <-f.events:
		return e, nil
	case <-timeout.C:
		return flow.Event{}, os.ErrDeadlineExceeded
	case <-f.flushed:
	}
	select {
	case e := <-f.events:
		return e, nil
	default:
		return flow.Event{}, io.EOF
	}
}

func (f *fakeEvents) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// fail lets Read fail from now on, or no more.
func (f *fakeEvents) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeEvents) Flush() error { f.flush(); return nil }

func (f *fakeEvents) Drops() (flow.EventDrops, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.drops, nil
}

func (f *fakeEvents) drop(limited, full uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drops.Limited += limited
	f.drops.Full += full
}

func (f *fakeEvents) Close() error { f.closed.Add(1); return nil }
