// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"fmt"
	"net"
)

// A Verb is something that an end does.
type Verb string

// Verbs. Those that take a number of bytes say so.
const (
	Write    Verb = "write"    // n bytes
	Gather   Verb = "gather"   // write n bytes from two places by one call (writev)
	Read     Verb = "read"     // n bytes
	Swap     Verb = "swap"     // write and read n bytes at the same time
	Drain    Verb = "drain"    // read until the peer's FIN or RST
	Flush    Verb = "flush"    // wait until the peer has acknowledged everything
	Arrive   Verb = "arrive"   // wait until n bytes lie unread
	Cork     Verb = "cork"     // write no partial segments from now on (TCP_CORK)
	Uncork   Verb = "uncork"   // write what waits
	Shutdown Verb = "shutdown" // send a FIN and go on reading
	Await    Verb = "await"    // wait for the state CLOSE, in which totals are final
	Abort    Verb = "abort"    // close with a RST
	Close    Verb = "close"    // close the descriptor
)

var verbs = map[Verb]func(*Conn, int64) error{
	Write:    (*Conn).write,
	Gather:   (*Conn).gather,
	Read:     (*Conn).read,
	Swap:     (*Conn).swap,
	Drain:    (*Conn).drain,
	Flush:    (*Conn).flush,
	Arrive:   (*Conn).arrive,
	Cork:     (*Conn).cork,
	Uncork:   (*Conn).uncork,
	Shutdown: (*Conn).shutdown,
	Await:    (*Conn).await,
	Abort:    (*Conn).abort,
	Close:    (*Conn).close,
}

// A Step is a verb and its number of bytes, 0 where it has none.
type Step struct {
	Verb  Verb
	Bytes int64
}

// A Script is what one end does: Rounds times Round, then Ending. The last step
// closes the descriptor.
type Script struct {
	Rounds int
	Round  []Step
	Ending []Step
}

// run acts on a connection and returns what was done.
func (s Script) run(tcp *net.TCPConn, way Way) (End, error) {
	defer func() { _ = tcp.Close() }() // where a step failed
	conn, err := newConn(tcp, way)
	if err != nil {
		return End{}, err
	}
	defer func() { _ = conn.carrier.Close() }()

	for range s.Rounds {
		if err := conn.follow(s.Round); err != nil {
			return conn.end, err
		}
	}
	err = conn.follow(s.Ending)
	return conn.end, err
}

func (c *Conn) follow(steps []Step) error {
	for _, step := range steps {
		if err := verbs[step.Verb](c, step.Bytes); err != nil {
			return fmt.Errorf("%s -> %s: %w", c.end.Local, c.end.Remote, err)
		}
	}
	return nil
}
