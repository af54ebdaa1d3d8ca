// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// A Handler answers a request.
type Handler func(ctx context.Context, request []byte) (response []byte, err error)

// A Dialer connects; the network is always tcp.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// A Caller asks and is answered. It is safe for concurrent use.
type Caller interface {
	Call(ctx context.Context, request []byte) (response []byte, err error)
	Close() error
}

// serve answers at a listener until that is closed.
type serve func(listener net.Listener, handler Handler) error

// open makes a caller; most connect when they are first asked.
type open func(dial Dialer, address string) (Caller, error)

var kinds = map[shop.Protocol]struct {
	serve serve
	open  open
}{
	shop.HTTP1:   {serveHTTP1, openHTTP1},
	shop.HTTP2:   {serveHTTP2, openHTTP2},
	shop.GRPC:    {serveGRPC, openGRPC},
	shop.Dubbo:   {serveDubbo, openDubbo},
	shop.NATS:    {serveNATS, openNATS},
	shop.MySQL:   {serveMySQL, openMySQL},
	shop.Redis:   {serveRedis, openRedis},
	shop.Elastic: {serveElastic, openElastic},
	shop.Mongo:   {serveMongo, openMongo},
}

// Serve answers at a listener until that is closed.
func Serve(p shop.Protocol, listener net.Listener, handler Handler) error {
	kind, ok := kinds[p]
	if !ok {
		return fmt.Errorf("serve: there is no protocol %q", p)
	}
	if err := kind.serve(listener, handler); err != nil {
		return fmt.Errorf("serve %s: %w", p, err)
	}
	return nil
}

// Open makes a caller for the server at an address.
func Open(p shop.Protocol, dial Dialer, address string) (Caller, error) {
	kind, ok := kinds[p]
	if !ok {
		return nil, fmt.Errorf("call: there is no protocol %q", p)
	}
	return kind.open(dial, address)
}

// poolSize is how many connections a caller has at most, where one answers one call at a
// time: so many that nobody waits for another's call. What waits in a pool fails with what
// it waits for, and the fault of one call would be that of others.
const poolSize = 32

// digits is how many of them begin a request: the size of the answer.
const digits = 8

// Request makes one of so many bytes that wants so many.
func Request(size, want int) []byte {
	request := make([]byte, max(digits, size))
	for i := range request {
		request[i] = 'x'
	}
	copy(request, fmt.Sprintf("%0*d", digits, want))
	return request
}

// Wanted is the size of the answer that a request asks for.
func Wanted(request []byte) (int, error) {
	if len(request) < digits {
		return 0, fmt.Errorf("read request: %d bytes are fewer than %d", len(request), digits)
	}
	n, err := strconv.Atoi(string(request[:digits]))
	if err != nil {
		return 0, fmt.Errorf("read request: %w", err)
	}
	return n, nil
}
