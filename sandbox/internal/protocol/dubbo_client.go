// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	hessian "github.com/apache/dubbo-go-hessian2"
)

// A callerDubbo has one connection for all calls, as Dubbo's clients do: answers come in any
// order and are told apart by the requests' numbers. A call that waited for too long is
// given up by itself; the connection and the others stay, and its answer is for nobody.
type callerDubbo struct {
	dial    Dialer
	address string
	turn    chan struct{} // full while somebody connects
	link    *linkDubbo    // of who has the turn
}

func openDubbo(dial Dialer, address string) (Caller, error) {
	return &callerDubbo{dial: dial, address: address, turn: make(chan struct{}, 1)}, nil
}

func (c *callerDubbo) Call(ctx context.Context, request []byte) ([]byte, error) {
	link, err := c.connected(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := link.ask(ctx, request)
	if err != nil {
		return nil, err
	}
	if answer.Exception != nil {
		return nil, answer.Exception
	}
	payload, ok := answer.RspObj.([]byte)
	if !ok {
		return nil, fmt.Errorf("read answer: %T is not bytes", answer.RspObj)
	}
	return payload, nil
}

// connected is the connection, a new one if there is none or the last is over.
func (c *callerDubbo) connected(ctx context.Context) (*linkDubbo, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.link != nil && c.link.over() == nil {
		return c.link, nil
	}
	conn, err := c.dial(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	c.link = &linkDubbo{conn: conn, write: make(chan struct{}, 1), waiting: make(map[int64]chan hessian.Response)}
	go c.link.read()
	return c.link, nil
}

func (c *callerDubbo) Close() error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	if c.link == nil || c.link.over() != nil {
		return nil
	}
	return c.link.end(net.ErrClosed)
}

// A linkDubbo is a connection with the calls that wait for answers from it.
type linkDubbo struct {
	conn  net.Conn
	write chan struct{} // full while somebody writes

	mu      sync.Mutex
	number  int64
	waiting map[int64]chan hessian.Response // by the request's number
	ended   error
}

func (l *linkDubbo) ask(ctx context.Context, request []byte) (none hessian.Response, err error) {
	number, answer := l.expect()
	defer l.forget(number)
	if err := l.send(ctx, number, request); err != nil {
		return none, err
	}
	select {
	case got, ok := <-answer:
		if !ok {
			return none, l.over()
		}
		return got, nil
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// send writes a request. Half a message would be the end of all that follow.
func (l *linkDubbo) send(ctx context.Context, number int64, request []byte) error {
	select {
	case l.write <- struct{}{}:
		defer func() { <-l.write }()
	case <-ctx.Done():
		return ctx.Err()
	}
	until, _ := ctx.Deadline()
	header := hessian.DubboHeader{Type: hessian.PackageRequest_TwoWay, ID: number}
	err := errors.Join(l.conn.SetWriteDeadline(until), writeDubbo(l.conn, header, []any{request}))
	if err != nil {
		return errors.Join(err, l.end(err))
	}
	return nil
}

// read hands answers to who waits for them until the connection is over.
func (l *linkDubbo) read() {
	for {
		var header hessian.DubboHeader
		var answer hessian.Response
		if err := readDubbo(l.conn, &header, &answer); err != nil {
			_ = l.end(err)
			return
		}
		l.mu.Lock()
		if waits := l.waiting[header.ID]; waits != nil {
			waits <- answer
			delete(l.waiting, header.ID)
		}
		l.mu.Unlock()
	}
}

func (l *linkDubbo) expect() (number int64, answer chan hessian.Response) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.number++
	answer = make(chan hessian.Response, 1)
	if l.ended != nil {
		close(answer)
		return l.number, answer
	}
	l.waiting[l.number] = answer
	return l.number, answer
}

func (l *linkDubbo) forget(number int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, number)
}

// over is why the connection has ended; nil if it has not.
func (l *linkDubbo) over() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// end closes the connection, and tells all that wait.
func (l *linkDubbo) end(why error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended != nil {
		return nil
	}
	l.ended = why
	for _, waits := range l.waiting {
		close(waits)
	}
	clear(l.waiting)
	return l.conn.Close()
}
