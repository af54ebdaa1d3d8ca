// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const methodGRPC = "/shop.Shop/Call"

// describe is what protoc would write of a service with one method.
func describe(handler Handler) *grpc.ServiceDesc {
	call := func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var request wrapperspb.BytesValue
		if err := decode(&request); err != nil {
			return nil, err
		}
		response, err := handler(ctx, request.Value)
		return wrapperspb.Bytes(response), err
	}
	return &grpc.ServiceDesc{
		ServiceName: "shop.Shop",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Call", Handler: call}},
	}
}

func serveGRPC(listener net.Listener, handler Handler) error {
	server := grpc.NewServer()
	server.RegisterService(describe(handler), nil)
	if err := server.Serve(listener); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

type callerGRPC struct{ conn *grpc.ClientConn }

func openGRPC(dial Dialer, address string) (Caller, error) {
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return dial(ctx, "tcp", address) }))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	return &callerGRPC{conn}, nil
}

func (c *callerGRPC) Call(ctx context.Context, request []byte) ([]byte, error) {
	var response wrapperspb.BytesValue
	if err := c.conn.Invoke(ctx, methodGRPC, wrapperspb.Bytes(request), &response); err != nil {
		return nil, err
	}
	return response.Value, nil
}

func (c *callerGRPC) Close() error { return c.conn.Close() }
