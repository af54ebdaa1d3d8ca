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
			server := &serverDubbo{conn: conn, handler: handler}
			for server.answer() == nil {
			}
		}()
	}
}

// A serverDubbo answers the requests of a connection in the order in which they are done.
type serverDubbo struct {
	conn    net.Conn
	handler Handler
	mu      sync.Mutex // held to write
}

// answer reads one request. The next one is read before it is done.
func (s *serverDubbo) answer() error {
	var header hessian.DubboHeader
	request := make([]any, 7)
	if err := readDubbo(s.conn, &header, request); err != nil {
		return err
	}
	args, _ := request[5].([]any)
	if len(args) != 1 {
		return fmt.Errorf("read message: %d arguments, not 1", len(args))
	}
	payload, _ := args[0].([]byte)
	go s.do(header.ID, payload)
	return nil
}

// do answers one request. If that cannot be written, the connection is over.
func (s *serverDubbo) do(id int64, payload []byte) {
	header := hessian.DubboHeader{Type: hessian.PackageResponse, ID: id, ResponseStatus: hessian.Response_OK}
	response, err := s.handler(context.Background(), payload)
	var body any = hessian.NewResponse(response, nil, nil)
	if err != nil {
		header.ResponseStatus, body = hessian.Response_SERVER_ERROR, err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := writeDubbo(s.conn, header, body); err != nil {
		_ = s.conn.Close()
	}
}
