// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import (
	"fmt"
	"net"
)

// A Verb is something that an end does. See the methods of [Conn].
type Verb string

// Verbs.
const (
	Write    Verb = "write"
	Read     Verb = "read"
	Swap     Verb = "swap"
	Drain    Verb = "drain"
	Flush    Verb = "flush"
	Arrive   Verb = "arrive"
	Shutdown Verb = "shutdown"
	Await    Verb = "await"
	Abort    Verb = "abort"
	Close    Verb = "close"
)

var verbs = map[Verb]func(*Conn, int64) error{
	Write:    (*Conn).Write,
	Read:     (*Conn).Read,
	Swap:     (*Conn).Swap,
	Drain:    (*Conn).Drain,
	Flush:    (*Conn).Flush,
	Arrive:   (*Conn).Arrive,
	Shutdown: (*Conn).Shutdown,
	Await:    (*Conn).Await,
	Abort:    (*Conn).Abort,
	Close:    (*Conn).Close,
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
func (s Script) run(tcp *net.TCPConn) (End, error) {
	conn, err := newConn(tcp)
	if err != nil {
		return End{}, err
	}
	defer func() { _ = tcp.Close() }() // where a step failed

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
