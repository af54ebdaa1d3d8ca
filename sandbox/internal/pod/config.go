// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// A Config is all that a pod has to know.
type Config struct {
	Name     string        `json:"name"`
	Service  string        `json:"service"`
	Protocol shop.Protocol `json:"protocol"`
	Address  string        `json:"address"` // at which it serves
	Calls    []Target      `json:"calls"`
	Load     float64       `json:"load"` // customers' requests each second, made up here
	Day      time.Duration `json:"day"`  // length of one, for the swing of the load
	Seed     uint64        `json:"seed"`
}

// A Target is a service that the pod calls.
type Target struct {
	Service   string        `json:"service"`
	Protocol  shop.Protocol `json:"protocol"`
	Addresses []string      `json:"addresses"` // one virtual address, or all pods'
	Style     shop.Style    `json:"style"`
	Share     float64       `json:"share"`
	Rate      float64       `json:"rate"` // of this pod
	Request   int           `json:"request"`
	Response  int           `json:"response"`
	Timeout   time.Duration `json:"timeout"`
}

// A Counter is what a pod did at one target, or as a server.
type Counter struct {
	Done   uint64 `json:"done"`
	Failed uint64 `json:"failed"`
}

// A Command is one line from the pod's master. The first one has the configuration.
type Command struct {
	Config    *Config    `json:"config,omitempty"`
	Behaviour *Behaviour `json:"behaviour,omitempty"`
	Since     time.Time  `json:"since,omitzero"` // tell of the calls that have ended since then, as far as they are remembered
}

// A Reply is the answer to a command. Its counters are those since the start, by the
// service called; what was served is under "".
type Reply struct {
	Error    string             `json:"error,omitempty"`
	Counters map[string]Counter `json:"counters,omitempty"`

	// Calls are those asked for, by the service called.
	Calls map[string][]witness.Call `json:"calls,omitempty"`
}
