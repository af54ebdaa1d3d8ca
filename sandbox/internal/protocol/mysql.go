// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
	client "github.com/go-sql-driver/mysql"
)

const userMySQL, passwordMySQL = "shop", "shop"

// handlerMySQL answers each query with one row of one column.
type handlerMySQL struct {
	server.EmptyHandler
	handler Handler
}

func (h handlerMySQL) UseDB(string) error { return nil }

func (h handlerMySQL) HandleQuery(query string) (*mysql.Result, error) {
	_, quoted, _ := strings.Cut(query, "'")
	request, _, ok := strings.Cut(quoted, "'")
	if !ok {
		return nil, nil // SET and its like
	}
	response, err := h.handler(context.Background(), []byte(request))
	if err != nil {
		return nil, err
	}
	set, err := mysql.BuildSimpleTextResultset([]string{"item"}, [][]any{{string(response)}})
	if err != nil {
		return nil, err
	}
	return mysql.NewResult(set), nil
}

func serveMySQL(listener net.Listener, handler Handler) error {
	log.SetOutput(io.Discard) // the library tells of each client that goes
	one := server.NewServer("8.0.12", mysql.DEFAULT_COLLATION_ID, mysql.AUTH_NATIVE_PASSWORD, nil, nil)
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
			session, err := one.NewConn(conn, userMySQL, passwordMySQL, handlerMySQL{handler: handler})
			for err == nil {
				err = session.HandleCommand()
			}
		}()
	}
}

type callerMySQL struct{ db *sql.DB }

// quiet is a connector whose driver tells nothing about lost connections.
type quiet struct{ driver.Connector }

func openMySQL(dial Dialer, address string) (Caller, error) {
	config := client.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr = userMySQL, passwordMySQL, "tcp", address
	config.Logger = log.New(io.Discard, "", 0)
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dial(ctx, network, address)
	}
	connector, err := client.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	db := sql.OpenDB(quiet{connector})
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(4)
	return &callerMySQL{db}, nil
}

func (c *callerMySQL) Call(ctx context.Context, request []byte) (response []byte, err error) {
	err = c.db.QueryRowContext(ctx, "SELECT item FROM items WHERE id = '"+string(request)+"'").Scan(&response)
	return response, err
}

func (c *callerMySQL) Close() error { return c.db.Close() }
