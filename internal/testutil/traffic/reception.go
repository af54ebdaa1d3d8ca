// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/testutil/socket"
)

// A reception accepts connections and hands each to who asks for its client.
type reception struct {
	listener *net.TCPListener
	done     sync.WaitGroup

	mu      sync.Mutex
	waiting map[netip.AddrPort]chan *net.TCPConn // by client, one connection each
}

func receive(listener *net.TCPListener, config socket.Config) *reception {
	r := &reception{listener: listener, waiting: make(map[netip.AddrPort]chan *net.TCPConn)}
	r.done.Go(func() {
		for {
			conn, err := config.Accept(listener)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				r.desk(address(conn.RemoteAddr())) <- conn
			}
		}
	})
	return r
}

// take waits for the server's end of a client's connection.
func (r *reception) take(client netip.AddrPort) (*net.TCPConn, error) {
	select {
	case conn := <-r.desk(client):
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.waiting, client)
		return conn, nil
	case <-time.After(patience):
		return nil, fmt.Errorf("accept %s: nothing in %s", client, patience)
	}
}

// desk returns where a client's connection is handed over.
func (r *reception) desk(client netip.AddrPort) chan *net.TCPConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	desk, ok := r.waiting[client]
	if !ok {
		desk = make(chan *net.TCPConn, 1)
		r.waiting[client] = desk
	}
	return desk
}

// close stops accepting and closes what nobody took.
func (r *reception) close() {
	_ = r.listener.Close()
	r.done.Wait()
	for _, desk := range r.waiting {
		select {
		case conn := <-desk:
			_ = conn.Close()
		default:
		}
	}
}
