// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Child must be the first call of TestMain in a package that uses [Start]. In a
// process started that way it takes orders until the parent is gone, and does
// not return; in any other it does nothing.
func Child() {
	if os.Getenv(childVariable) == "" {
		return
	}
	if err := obey(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "traffic child:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// obey answers orders until there are no more.
func obey(in io.Reader, out io.Writer) error {
	var c child
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		err := orders.Decode(&o)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("decode order: %w", err)
		}
		a, err := c.act(o)
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return fmt.Errorf("encode answer: %w", err)
		}
	}
}

// A child is one application with at most one listener.
type child struct {
	listener *net.TCPListener
}

func (c *child) act(o order) (answer, error) {
	switch o.Task {
	case listen:
		return c.listen(o)
	case serve:
		return c.serve(o)
	case connect:
		return c.connect(o)
	default:
		return answer{}, fmt.Errorf("obey order: unknown task %q", o.Task)
	}
}

func (c *child) listen(o order) (_ answer, err error) {
	if c.listener != nil {
		_ = c.listener.Close()
	}
	if c.listener, err = o.Socket.Listen(o.Address); err != nil {
		return answer{}, err
	}
	return answer{Address: address(c.listener.Addr())}, nil
}

func (c *child) serve(o order) (answer, error) {
	ends := make([]End, o.Connections)
	var group errgroup.Group
	for i := range ends {
		conn, err := o.Socket.Accept(c.listener)
		if err != nil {
			return answer{}, errors.Join(err, group.Wait())
		}
		group.Go(func() (err error) {
			ends[i], err = o.Script.run(conn, Plain)
			return err
		})
	}
	return answer{Ends: ends}, group.Wait()
}

func (c *child) connect(o order) (answer, error) {
	ends := make([]End, o.Connections)
	var n atomic.Uint64
	var group errgroup.Group
	group.SetLimit(max(o.Parallel, 1))
	for i := range ends {
		group.Go(func() error {
			conn, err := o.Socket.Dial(source(o.Sources, n.Add(1)), o.Address)
			if err != nil {
				return err
			}
			ends[i], err = o.Script.run(conn, Plain)
			return err
		})
	}
	return answer{Ends: ends}, group.Wait()
}
