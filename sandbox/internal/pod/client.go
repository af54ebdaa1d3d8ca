// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/protocol"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// lanes are the connections that a pool uses in turn, so that each pod of a service is
// called by each client. Who sends in bulk has one.
const lanes = 4

// A client calls one service.
type client struct {
	target Target
	call   atomic.Pointer[Call]
	places chan struct{} // of the pool, while it has a limit
	turn   atomic.Uint64

	mu    sync.Mutex
	lanes [lanes]lane

	done, failed atomic.Uint64
	memory       memory
}

// A lane is a caller that is replaced after a while, as pools do.
type lane struct {
	caller protocol.Caller
	until  time.Time
}

func newClient(target Target) *client {
	c := &client{target: target, places: make(chan struct{}, 1)}
	c.behave(Call{})
	return c
}

func (c *client) behave(call Call) { c.call.Store(&call) }

func (c *client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return control(raw, func(int) error { return nil })
	}}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &called{TCPConn: conn.(*net.TCPConn), call: func() Call { return *c.call.Load() }}, nil
}

// ask makes one call and checks the answer.
func (c *client) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.target.Timeout)
	defer cancel()
	began := time.Now()
	err := c.try(ctx)
	c.memory.add(witness.Call{End: time.Now(), Took: time.Since(began), Failed: err != nil})
	if err != nil {
		c.failed.Add(1)
		return fmt.Errorf("call %s: %w", c.target.Service, err)
	}
	c.done.Add(1)
	return nil
}

func (c *client) try(ctx context.Context) error {
	if call := c.call.Load(); call.Pool > 0 {
		select {
		case c.places <- struct{}{}:
			defer func() { time.Sleep(call.Hold); <-c.places }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	caller, done, err := c.caller()
	if err != nil {
		return err
	}
	defer done()
	response, err := caller.Call(ctx, protocol.Request(c.target.Request, c.target.Response))
	if err != nil {
		return err
	}
	if missing := c.target.Response - len(response); c.target.Protocol != shop.NATS && missing > 2 {
		return fmt.Errorf("read answer: %d bytes of %d are missing", missing, c.target.Response)
	}
	return nil
}

// caller returns one for one call; done is called after it.
func (c *client) caller() (caller protocol.Caller, done func(), err error) {
	if c.target.Style == shop.Short {
		caller, err = c.open()
		return caller, func() { _ = caller.Close() }, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &c.lanes[0]
	if c.target.Style != shop.Bulk {
		l = &c.lanes[c.turn.Add(1)%lanes]
	}
	if now := time.Now(); l.caller == nil || now.After(l.until) {
		if old := l.caller; old != nil {
			time.AfterFunc(c.target.Timeout, func() { _ = old.Close() })
		}
		if l.caller, err = c.open(); err != nil {
			return nil, nil, err
		}
		l.until = now.Add(40*time.Second + rand.N(40*time.Second))
	}
	return l.caller, func() {}, nil
}

func (c *client) open() (protocol.Caller, error) {
	return protocol.Open(c.target.Protocol, c.dial, c.target.Addresses[0])
}

func (c *client) count() Counter { return Counter{Done: c.done.Load(), Failed: c.failed.Load()} }
