// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/protocol"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// Each protocol carries a request there and the answer back, whole.
func TestRoundTrip(t *testing.T) {
	for _, p := range []shop.Protocol{shop.HTTP1, shop.HTTP2, shop.GRPC, shop.Dubbo, shop.MySQL, shop.Redis, shop.Elastic, shop.Mongo} {
		t.Run(string(p), func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			served := make(chan error, 1)
			go func() { served <- protocol.Serve(p, listener, answer) }()

			caller, err := protocol.Open(p, new(net.Dialer).DialContext, listener.Addr().String())
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			for _, size := range []int{8, 300, 3000, 100_000} {
				response, err := caller.Call(ctx, protocol.Request(size, 15_000))
				require.NoError(t, err, "request of %d bytes", size)
				require.Equal(t, bytes.Repeat([]byte{'y'}, 15_000), response)
			}
			require.NoError(t, caller.Close())
			require.NoError(t, listener.Close())
			require.NoError(t, <-served)
		})
	}
}

func answer(_ context.Context, request []byte) ([]byte, error) {
	want, err := protocol.Wanted(request)
	return bytes.Repeat([]byte{'y'}, want), err
}

func TestBrokerHandsOn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	go func() { _ = protocol.Serve(shop.NATS, listener, nil) }()

	heard, subscribed := make(chan int, 100), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		subscribed <- protocol.Subscribe(ctx, new(net.Dialer).DialContext, address, func(m []byte) { heard <- len(m) })
	}()
	caller, err := protocol.Open(shop.NATS, new(net.Dialer).DialContext, address)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := caller.Call(ctx, protocol.Request(9000, 0))
		return err == nil && len(heard) > 0
	}, 20*time.Second, 50*time.Millisecond)
	require.Equal(t, 9000, <-heard)
	require.NoError(t, caller.Close())
	cancel()
	require.NoError(t, <-subscribed)
}

func TestUnknownProtocol(t *testing.T) {
	_, err := protocol.Open("gopher", nil, "")
	require.EqualError(t, err, "call: there is no protocol \"gopher\"")
	_, err = protocol.Wanted([]byte("123"))
	require.EqualError(t, err, "read request: 3 bytes are fewer than 8")
}

// Nobody waits for another's answer: the server answers none before it has all requests.
// MySQL, Redis and MongoDB have a connection for each, Dubbo has one for all.
func TestCallsAtOnce(t *testing.T) {
	const calls = 8
	for _, p := range []shop.Protocol{shop.HTTP1, shop.HTTP2, shop.GRPC, shop.Dubbo, shop.MySQL, shop.Redis, shop.Elastic, shop.Mongo} {
		t.Run(string(p), func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			var arrived sync.WaitGroup
			arrived.Add(calls)
			go func() {
				_ = protocol.Serve(p, listener, func(ctx context.Context, request []byte) ([]byte, error) {
					arrived.Done()
					arrived.Wait()
					return answer(ctx, request)
				})
			}()
			caller, err := protocol.Open(p, new(net.Dialer).DialContext, listener.Addr().String())
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			asked := make(chan error, calls)
			for i := range calls {
				go func() {
					response, err := caller.Call(ctx, protocol.Request(100, 1000+i))
					if err == nil && len(response) != 1000+i {
						err = fmt.Errorf("%d bytes are another's answer, not %d", len(response), 1000+i)
					}
					asked <- err
				}()
			}
			for range calls {
				require.NoError(t, <-asked)
			}
			require.NoError(t, caller.Close())
			require.NoError(t, listener.Close())
		})
	}
}

// A call that is given up takes no other with it, nor the connection that they share.
func TestDubboGivesUpOneCall(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	arrived, goOn := make(chan struct{}), make(chan struct{})
	go func() {
		_ = protocol.Serve(shop.Dubbo, listener, func(ctx context.Context, request []byte) ([]byte, error) {
			if len(request) == 100 {
				arrived <- struct{}{}
				<-goOn
			}
			return answer(ctx, request)
		})
	}()
	var dialled atomic.Int32
	caller, err := protocol.Open(shop.Dubbo, func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}, listener.Addr().String())
	require.NoError(t, err)
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := caller.Call(ctx, protocol.Request(100, 10)); ended <- err }()
	<-arrived
	_, err = caller.Call(t.Context(), protocol.Request(50, 10))
	require.NoError(t, err, "it waits behind another")
	giveUp()
	require.ErrorIs(t, <-ended, context.Canceled)
	close(goOn)
	_, err = caller.Call(t.Context(), protocol.Request(50, 10))
	require.NoError(t, err, "a late answer is for nobody")
	require.EqualValues(t, 1, dialled.Load())
	require.NoError(t, caller.Close())
	_, err = caller.Call(ctx, protocol.Request(50, 10))
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, listener.Close())
}
