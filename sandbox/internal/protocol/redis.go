// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/tidwall/redcon"
)

func serveRedis(listener net.Listener, handler Handler) error {
	answer := func(conn redcon.Conn, command redcon.Command) {
		switch strings.ToLower(string(command.Args[0])) {
		case "get":
			answerRedis(conn, command, handler)
		case "ping":
			conn.WriteString("PONG")
		default: // what the client tries at first, such as HELLO
			conn.WriteError("ERR unknown command")
		}
	}
	err := redcon.Serve(listener, answer, func(redcon.Conn) bool { return true }, func(redcon.Conn, error) {})
	if !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func answerRedis(conn redcon.Conn, command redcon.Command, handler Handler) {
	if len(command.Args) != 2 {
		conn.WriteError("ERR wrong number of arguments for 'get' command")
		return
	}
	response, err := handler(context.Background(), command.Args[1])
	if err != nil {
		conn.WriteError("ERR " + err.Error())
		return
	}
	conn.WriteBulk(response)
}

type callerRedis struct{ client *redis.Client }

func openRedis(dial Dialer, address string) (Caller, error) {
	return &callerRedis{redis.NewClient(&redis.Options{
		Addr: address, Dialer: dial, PoolSize: poolSize, MaxRetries: -1, Protocol: 2,
		DisableIdentity: true, ContextTimeoutEnabled: true,
	})}, nil
}

// pipelined is how many commands are sent at once where the request is not small.
const pipelined = 3

func (c *callerRedis) Call(ctx context.Context, request []byte) ([]byte, error) {
	if len(request) < 512 {
		return c.client.Get(ctx, string(request)).Bytes()
	}
	want, err := Wanted(request)
	if err != nil {
		return nil, err
	}
	part := string(Request(len(request)/pipelined, want/pipelined))
	answers, err := c.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for range pipelined {
			p.Get(ctx, part)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var response []byte
	for _, answer := range answers {
		response = append(response, answer.(*redis.StringCmd).Val()...)
	}
	return response, nil
}

func (c *callerRedis) Close() error { return c.client.Close() }
