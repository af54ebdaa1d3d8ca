// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// topicNATS is what orders are told on.
const topicNATS = "orders"

// serveNATS runs a broker at the listener's address. It opens its own listener there, so
// the given one is closed, and the broker is there until the process ends.
func serveNATS(listener net.Listener, _ Handler) error {
	at := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		return err
	}
	broker, err := server.NewServer(&server.Options{Host: at.IP.String(), Port: at.Port, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	broker.Start()
	if !broker.ReadyForConnections(10 * time.Second) {
		return errors.New("broker is not ready after 10 s")
	}
	broker.WaitForShutdown()
	return nil
}

// A callerNATS publishes, which nobody answers.
type callerNATS struct {
	dial    Dialer
	address string
	mu      sync.Mutex
	conn    *nats.Conn
}

func openNATS(dial Dialer, address string) (Caller, error) {
	return &callerNATS{dial: dial, address: address}, nil
}

// dialNATS is a Dialer as the library wants it.
type dialNATS struct{ dial Dialer }

func (d dialNATS) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return d.dial(ctx, network, address)
}

func connectNATS(dial Dialer, address string, options ...nats.Option) (*nats.Conn, error) {
	return nats.Connect("nats://"+address, append(options, nats.SetCustomDialer(dialNATS{dial}),
		nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.PingInterval(20*time.Second))...)
}

func (c *callerNATS) Call(_ context.Context, request []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		conn, err := connectNATS(c.dial, c.address)
		if err != nil {
			return nil, err
		}
		c.conn = conn
	}
	return nil, c.conn.Publish(topicNATS, request)
}

func (c *callerNATS) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
	return nil
}

// Subscribe has each message that a broker sends handled, until ctx ends. The broker need
// not be there yet.
func Subscribe(ctx context.Context, dial Dialer, address string, handle func(message []byte)) error {
	conn, err := connectNATS(dial, address, nats.RetryOnFailedConnect(true))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Subscribe(topicNATS, func(m *nats.Msg) { handle(m.Data) }); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
