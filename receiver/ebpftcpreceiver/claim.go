// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import "github.com/tcpwhy/tcpwhy/internal/flow"

// A claim is what sockets of two namespaces may have at once: the ends of a connection.
type claim struct{ key flow.Key }

func claimOf(key *flow.Key) claim {
	return claim{flow.Key{
		Local: key.Local, Remote: key.Remote, LocalPort: key.LocalPort, RemotePort: key.RemotePort, Role: key.Role,
	}}
}

// A claimant is who had it last, and when another one had it, too.
type claimant struct {
	namespace uint32
	round     uint32
	shared    uint32 // 0: never
}

// claims tell which ends are those of connections in several namespaces.
type claims map[claim]*claimant

// note notes that a connection is there.
func (c claims) note(of claim, namespace, round uint32) {
	known := c[of]
	if known == nil {
		c[of] = &claimant{namespace: namespace, round: round}
		return
	}
	if known.namespace != namespace {
		known.shared = round
	}
	known.namespace, known.round = namespace, round
}

// shared reports whether connections of several namespaces had it lately.
func (c claims) shared(of claim, round uint32) bool {
	known := c[of]
	return known != nil && known.shared != 0 && round-known.shared <= peerRounds
}

// forget drops those of connections that are gone.
func (c claims) forget(round uint32) {
	for of, known := range c {
		if round-known.round > peerRounds {
			delete(c, of)
		}
	}
}
