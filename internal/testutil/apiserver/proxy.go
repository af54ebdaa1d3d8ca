// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"io"
	"net"
	"sync"
)

// A Proxy is a way to a server that can be cut, silenced and closed. TLS passes through.
type Proxy struct {
	// Address is where to connect to.
	Address string

	target string
	wait   sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	pairs    map[*pair]bool
	closed   bool // no new connections
	silence  int  // how often it was silenced
}

type pair struct{ client, server net.Conn }

func (p *pair) close() {
	for _, c := range []net.Conn{p.client, p.server} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not an orderly end
		}
		_ = c.Close()
	}
}

// NewProxy opens a way to a target, host and port.
func NewProxy(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Address: l.Addr().String(), listener: l, target: target, pairs: map[*pair]bool{}}
	p.wait.Go(func() { p.accept(l) })
	return p, nil
}

// Cut resets all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.close()
	}
}

// Close resets all connections, and new ones, until it is opened.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Cut()
}

// Refuse resets all connections; new ones are refused, as of a port that nobody listens
// at, until [Proxy.Listen].
func (p *Proxy) Refuse() {
	p.mu.Lock()
	_ = p.listener.Close()
	p.mu.Unlock()
	p.Cut()
}

// Listen takes connections after [Proxy.Refuse].
func (p *Proxy) Listen() error {
	l, err := net.Listen("tcp", p.Address)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener = l
	p.wait.Go(func() { p.accept(l) })
	return nil
}

// Open takes connections again.
func (p *Proxy) Open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = false
}

// Silence stops all bytes, without a sign to either side, of the connections that are.
// New ones work.
func (p *Proxy) Silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silence++
}

// Stop ends the proxy.
func (p *Proxy) Stop() {
	p.Refuse()
	p.Close()
	p.wait.Wait()
}

func (p *Proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		p.wait.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		(&pair{client, client}).close()
		return
	}
	c := &pair{client, server}
	p.mu.Lock()
	p.pairs[c] = true
	if p.closed {
		c.close()
	}
	p.mu.Unlock()
	var copies sync.WaitGroup
	copies.Go(func() { p.copy(c, server, client) })
	copies.Go(func() { p.copy(c, client, server) })
	copies.Wait()
	p.mu.Lock()
	delete(p.pairs, c)
	p.mu.Unlock()
}

// copy ends with the connection.
func (p *Proxy) copy(c *pair, to io.Writer, from io.Reader) {
	defer c.close()
	buffer := make([]byte, 1<<15)
	p.mu.Lock()
	born := p.silence
	p.mu.Unlock()
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		silenced := p.silence != born
		p.mu.Unlock()
		if silenced {
			continue // nobody is told, and nothing arrives
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
