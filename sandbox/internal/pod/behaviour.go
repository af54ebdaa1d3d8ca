// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import "time"

// A Behaviour is how a pod misbehaves. The zero value is a good pod.
type Behaviour struct {
	Serve Serve           `json:"serve"`
	Calls map[string]Call `json:"calls,omitempty"` // by the service that is called
	Ports int             `json:"ports,omitempty"` // local ports that clients may use; 0 is the usual number
}

// Serve is what a server does wrong.
type Serve struct {
	Refuse       bool          `json:"refuse,omitempty"`        // nobody listens
	Reset        float64       `json:"reset,omitempty"`         // share of requests that are answered by a RST
	Backlog      int           `json:"backlog,omitempty"`       // length of the accept queue
	AcceptDelay  time.Duration `json:"accept_delay,omitempty"`  // before each accept
	ListenBuffer int           `json:"listen_buffer,omitempty"` // SO_RCVBUF before listen, bytes
	AcceptBuffer int           `json:"accept_buffer,omitempty"` // SO_RCVBUF after accept, bytes
	SendBuffer   int           `json:"send_buffer,omitempty"`   // SO_SNDBUF after accept, bytes
	ReadRate     int           `json:"read_rate,omitempty"`     // bytes each second of each connection
	ReadStopped  bool          `json:"read_stopped,omitempty"`  // nothing is read
	Stall        time.Duration `json:"stall,omitempty"`         // before each answer
}

// fresh tells whether connections and listener have to be made anew for a change from b to
// take effect.
func (s Serve) fresh(before Serve) bool {
	return s.Refuse != before.Refuse || s.ListenBuffer != before.ListenBuffer ||
		s.AcceptBuffer != before.AcceptBuffer || s.SendBuffer != before.SendBuffer || s.Backlog != before.Backlog
}

// Call is what a client does wrong.
type Call struct {
	Split    bool          `json:"split,omitempty"`     // each request is written in two pieces, without TCP_NODELAY
	Pool     int           `json:"pool,omitempty"`      // requests that may be under way; 0 is no limit
	Hold     time.Duration `json:"hold,omitempty"`      // how long a place in the pool is kept after the answer
	ReadRate int           `json:"read_rate,omitempty"` // bytes each second of each connection
}
