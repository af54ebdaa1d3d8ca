// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

import (
	"slices"
	"time"
)

const (
	// callMemory is how long a call is remembered.
	callMemory = 10 * time.Minute
	// maxDepth bounds the chain of callers.
	maxDepth = 10
)

// A Graph knows who calls whom: a client is who sent the SYN.
type Graph struct {
	callers map[Name]map[Name]time.Time // server, client, last seen
	calls   int
	limit   int
	dropped uint64
}

// NewGraph returns a graph of at most limit calls.
func NewGraph(limit int) *Graph {
	return &Graph{callers: make(map[Name]map[Name]time.Time), limit: limit}
}

// Add notes that a client calls a server. A call beyond the limit is counted and left out.
func (g *Graph) Add(client, server Name, at time.Time) {
	clients := g.callers[server]
	last, known := clients[client]
	switch {
	case known && !at.After(last):
		return
	case !known && g.calls >= g.limit:
		g.dropped++
		return
	case clients == nil:
		clients = make(map[Name]time.Time)
		g.callers[server] = clients
	}
	if !known {
		g.calls++
	}
	clients[client] = at
}

// Dropped returns how many calls found no room.
func (g *Graph) Dropped() uint64 { return g.dropped }

// Forget forgets calls that were last seen ten minutes before now.
func (g *Graph) Forget(now time.Time) {
	for server, clients := range g.callers {
		for client, last := range clients {
			if now.Sub(last) > callMemory {
				delete(clients, client)
				g.calls--
			}
		}
		if len(clients) == 0 {
			delete(g.callers, server)
		}
	}
}

// Affected returns who calls any of the direct ones, directly or through others, sorted by
// name and without the direct ones themselves.
func (g *Graph) Affected(direct []Name) []Name {
	seen := make(map[Name]bool)
	for _, name := range direct {
		seen[name] = true
	}
	var affected []Name
	for depth, now := 0, direct; depth < maxDepth && len(now) > 0; depth++ {
		var next []Name
		for _, server := range now {
			for client := range g.callers[server] {
				if !seen[client] {
					seen[client] = true
					next = append(next, client)
				}
			}
		}
		affected = append(affected, next...)
		now = next
	}
	slices.SortFunc(affected, compareNames)
	return affected
}
