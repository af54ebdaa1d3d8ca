// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/FerretDB/wire"
	"github.com/FerretDB/wire/wirebson"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

func serveMongo(listener net.Listener, handler Handler) error {
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
			r, w := bufio.NewReader(conn), bufio.NewWriter(conn)
			for answerMongo(r, w, handler) == nil {
			}
		}()
	}
}

func answerMongo(r *bufio.Reader, w *bufio.Writer, handler Handler) error {
	header, body, err := wire.ReadMessage(r)
	if err != nil {
		return err
	}
	var answer wire.MsgBody
	code := wire.OpCodeMsg
	switch body := body.(type) {
	case *wire.OpQuery: // a new client's first greeting is in the old form
		answer, code = wire.MustOpReply(greetingMongo()...), wire.OpCodeReply
	case *wire.OpMsg:
		command, err := body.DocumentDeep()
		if err != nil {
			return err
		}
		if answer, err = commandMongo(command, handler); err != nil {
			return err
		}
	default:
		return fmt.Errorf("read message: there is no answer to %T", body)
	}
	raw, err := answer.MarshalBinary()
	if err != nil {
		return err
	}
	reply := &wire.MsgHeader{
		MessageLength: int32(wire.MsgHeaderLen + len(raw)), RequestID: header.RequestID + 1,
		ResponseTo: header.RequestID, OpCode: code,
	}
	if err := wire.WriteMessage(w, reply, answer); err != nil {
		return err
	}
	return w.Flush()
}

// greetingMongo is what a lone server says of itself.
func greetingMongo() []any {
	return []any{
		"helloOk", true, "ismaster", true, "isWritablePrimary", true,
		"maxBsonObjectSize", int32(16 << 20), "maxMessageSizeBytes", int32(48_000_000), "maxWriteBatchSize", int32(100_000),
		"localTime", time.Now(), "minWireVersion", int32(0), "maxWireVersion", int32(21), "ok", float64(1),
	}
}

func commandMongo(command *wirebson.Document, handler Handler) (wire.MsgBody, error) {
	switch command.Command() {
	case "hello", "isMaster", "ismaster":
		return wire.MustOpMsg(greetingMongo()...), nil
	case "find":
		filter, _ := command.Get("filter").(*wirebson.Document)
		if filter == nil {
			return nil, errors.New("read message: find has no filter")
		}
		request, _ := filter.Get("id").(string)
		response, err := handler(context.Background(), []byte(request))
		if err != nil {
			return wire.MustOpMsg("ok", float64(0), "errmsg", err.Error(), "code", int32(1)), nil
		}
		item := wirebson.MustDocument("item", wirebson.Binary{B: response})
		cursor := wirebson.MustDocument("firstBatch", wirebson.MustArray(item), "id", int64(0), "ns", "shop.items")
		return wire.MustOpMsg("cursor", cursor, "ok", float64(1)), nil
	default:
		return wire.MustOpMsg("ok", float64(1)), nil
	}
}

type callerMongo struct{ client *mongo.Client }

type dialMongo struct{ dial Dialer }

func (d dialMongo) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d.dial(ctx, network, address)
}

func openMongo(dial Dialer, address string) (Caller, error) {
	client, err := mongo.Connect(options.Client().
		ApplyURI("mongodb://" + address + "/?directConnection=true").
		SetDialer(dialMongo{dial}).SetMaxPoolSize(poolSize).SetRetryReads(false).
		SetServerMonitoringMode("poll").SetHeartbeatInterval(time.Minute))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	return &callerMongo{client}, nil
}

func (c *callerMongo) Call(ctx context.Context, request []byte) ([]byte, error) {
	var found struct{ Item bson.Binary }
	err := c.client.Database("shop").Collection("items").
		FindOne(ctx, bson.M{"id": string(request)}).Decode(&found)
	return found.Item.Data, err
}

func (c *callerMongo) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.client.Disconnect(ctx)
}
