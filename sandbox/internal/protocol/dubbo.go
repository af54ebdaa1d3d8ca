// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	hessian "github.com/apache/dubbo-go-hessian2"
)

var serviceDubbo = hessian.Service{
	Path: "shop.Shop", Interface: "shop.Shop", Version: "1.0.0", Method: "call", Timeout: time.Second,
}

// serialHessian is Dubbo's number for serialisation by Hessian 2.
const serialHessian = 2

// readDubbo reads one message. The codec wants all of it to be there already.
func readDubbo(r io.Reader, header *hessian.DubboHeader, body any) error {
	frame := make([]byte, hessian.HEADER_LENGTH)
	if _, err := io.ReadFull(r, frame); err != nil {
		return err
	}
	size := int(binary.BigEndian.Uint32(frame[12:]))
	if size > 16<<20 {
		return fmt.Errorf("read message: %d bytes are more than 16 MiB", size)
	}
	frame = append(frame, make([]byte, size)...)
	if _, err := io.ReadFull(r, frame[hessian.HEADER_LENGTH:]); err != nil {
		return err
	}
	buffer := bufio.NewReaderSize(bytes.NewReader(frame), len(frame))
	if _, err := buffer.Peek(len(frame)); err != nil {
		return err
	}
	codec := hessian.NewHessianCodec(buffer)
	if err := codec.ReadHeader(header); err != nil {
		return err
	}
	return codec.ReadBody(body)
}

func writeDubbo(w io.Writer, header hessian.DubboHeader, body any) error {
	header.SerialID = serialHessian
	raw, err := hessian.NewHessianCodec(nil).Write(serviceDubbo, header, body)
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}

func serveDubbo(listener net.Listener, handler Handler) error {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer func() { _ = conn.Close() }()
			for answerDubbo(conn, handler) == nil {
			}
		}()
	}
}

func answerDubbo(conn net.Conn, handler Handler) error {
	var header hessian.DubboHeader
	request := make([]any, 7)
	if err := readDubbo(conn, &header, request); err != nil {
		return err
	}
	answer := hessian.DubboHeader{Type: hessian.PackageResponse, ID: header.ID, ResponseStatus: hessian.Response_OK}
	args, _ := request[5].([]any)
	if len(args) != 1 {
		return fmt.Errorf("read message: %d arguments, not 1", len(args))
	}
	payload, _ := args[0].([]byte)
	response, err := handler(context.Background(), payload)
	if err != nil {
		answer.ResponseStatus = hessian.Response_SERVER_ERROR
		return writeDubbo(conn, answer, err.Error())
	}
	return writeDubbo(conn, answer, hessian.NewResponse(response, nil, nil))
}

// A callerDubbo has one connection, on which one request follows the other.
type callerDubbo struct {
	dial    Dialer
	address string
	mu      sync.Mutex
	conn    net.Conn
	id      int64
}

func openDubbo(dial Dialer, address string) (Caller, error) {
	return &callerDubbo{dial: dial, address: address}, nil
}

func (c *callerDubbo) Call(ctx context.Context, request []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		conn, err := c.dial(ctx, "tcp", c.address)
		if err != nil {
			return nil, err
		}
		c.conn = conn
	}
	response, err := c.exchange(ctx, request)
	if err != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
	return response, err
}

func (c *callerDubbo) exchange(ctx context.Context, request []byte) ([]byte, error) {
	deadline, _ := ctx.Deadline()
	if err := c.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	c.id++
	header := hessian.DubboHeader{Type: hessian.PackageRequest_TwoWay, ID: c.id}
	if err := writeDubbo(c.conn, header, []any{request}); err != nil {
		return nil, err
	}
	var response hessian.Response
	if err := readDubbo(c.conn, &header, &response); err != nil {
		return nil, err
	}
	if response.Exception != nil {
		return nil, response.Exception
	}
	payload, ok := response.RspObj.([]byte)
	if !ok {
		return nil, fmt.Errorf("read answer: %T is not bytes", response.RspObj)
	}
	return payload, nil
}

func (c *callerDubbo) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}
