// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// Granularity says what of a connection is part of its flow's identity.
type Granularity uint32

// Granularities. Values are those of the kernel side.
const (
	GranularityConnection Granularity = iota // the whole five-tuple
	GranularityEndpoint                      // without the client's ephemeral port
	GranularityPeer                          // as endpoint, a container's processes as one
)

// Limits of the kernel side's filter.
const (
	MaxRules        = 16 // entries of Include, and of Exclude
	MaxRuleCIDRs    = 8
	MaxRulePorts    = 8
	MaxProcesses    = 64 // in all entries together
	MaxProcessLen   = 32 // bytes
	MaxClusterCIDRs = 16
	MaxEventLimit   = 10_000 // events per second, of each kind
)

// A Config says what to observe and how much memory to spend on it.
type Config struct {
	// Cgroup is the path of the cgroup v2 whose sockets are observed; empty
	// for the root, wherever it is mounted.
	Cgroup      string
	Granularity Granularity
	// MaxFlows bounds the flows of one interval; more go to overflow.
	MaxFlows int
	// EventLimits are the most events of each kind per second, and the most at once
	// after a quiet second, up to MaxEventLimit; 0 switches the kind off.
	EventLimits [flow.NumEventKinds]int
	// MaskPublic reduces a server's public visitors to their /24 or /56.
	MaskPublic bool
	// ClusterCIDRs are not public although their addresses look so.
	ClusterCIDRs []netip.Prefix
	// Apart tells connections apart whose peer may stand for somebody else, with
	// Kernel.SetEnd and SetApart. Virtual are ends that do, see there; connections
	// older than the programs are told apart only with these.
	Apart   bool
	Virtual []netip.AddrPort
	// A connection is observed if it matches any of Include, or there is none,
	// and none of Exclude.
	Include, Exclude []Rule

	init   uint32                     // who stands for PID 1 in a test; 0: PID 1 itself
	tamper func(*ebpf.CollectionSpec) // a test's, before the kernel sees it
}

// A Rule matches a connection if each of its lists does. An empty list matches
// all, another if any of its values does.
type Rule struct {
	CIDRs     []netip.Prefix // of the peer's address
	Ports     []uint16       // of the server's end
	Processes []string       // globs of the local executable's name: * and ?
}
