// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A briefing is what agents say by themselves of who is at the ends of their flows. They find out
// after their first points, as a rule.
type briefing struct {
	agents bool
	blind  bool                  // only agents know; the processor's directory does not
	from   [worldClients]float64 // when an agent knows
}

// brief lets agents say who is there.
func (w *world) brief() {
	w.agents, w.blind = true, w.rand.IntN(2) == 0
	for n := range w.from {
		w.from[n] = float64(w.rand.IntN(100))
	}
}

// says tells whether a flow's points of a time say who is there.
func (w *world) says(c *counter, at float64) bool { return w.agents && at >= w.from[c.client] }

// sees tells whether it is known at all.
func (w *world) sees(c *counter, at float64) bool { return !w.blind || w.says(c, at) }

// nameResource writes the client's pod.
func (w *world) nameResource(attributes pcommon.Map, c *counter, at float64) {
	attributes.PutStr(names.HostName, fmt.Sprint("host", c.client))
	id := w.clients[c.client].at(at)
	if id == nil || !w.says(c, at) {
		return
	}
	attributes.PutStr(names.K8sPodName, id.Pod)
	attributes.PutStr(names.K8sNamespaceName, id.Namespace)
	attributes.PutStr(names.K8sNodeName, id.Node)
	attributes.PutStr(names.K8sOwner(id.Workload.Kind), id.Workload.Name)
}

// describe writes the attributes of a flow's points of a time.
func (w *world) describe(attributes pcommon.Map, c *counter, at float64) {
	if w.agents || c.listens { // without addresses names are what flows are known by
		attributes.PutStr(names.SourceAddress, fmt.Sprint("10.1.0.", c.client))
	}
	if c.listens {
		attributes.PutInt(names.SourcePort, 80)
		attributes.PutStr(names.HandshakeRole, names.Server)
		return
	}
	attributes.PutStr(names.HandshakeRole, names.Client)
	attributes.PutStr(names.DestinationAddress, fmt.Sprint("10.0.0.", c.peer))
	if c.pair > 0 {
		attributes.PutStr(names.FlowPair, fmt.Sprint(c.pair))
	}
	if c.behind > 0 {
		attributes.PutStr(names.DestinationNATAddress, fmt.Sprint("10.9.0.", c.behind))
	}
	if id := w.peers[c.peer].at(at); id != nil && w.says(c, at) {
		describePeer(attributes, id)
	}
}

// describePeer writes what a directory would.
func describePeer(attributes pcommon.Map, id *identity.Identity) {
	attributes.PutStr(names.Destination.Kind, names.KindPod)
	attributes.PutStr(names.Destination.WorkloadKind, id.Workload.Kind)
	attributes.PutStr(names.Destination.WorkloadName, id.Workload.Name)
	attributes.PutStr(names.Destination.K8sNamespaceName, id.Namespace)
	attributes.PutStr(names.Destination.K8sPodName, id.Pod)
	attributes.PutStr(names.Destination.K8sNodeName, id.Node)
	attributes.PutStr(names.Destination.Owner(id.Workload.Kind), id.Workload.Name)
}
