// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A tenancy is who is somewhere, one after the other: an address of a peer, or the process of
// a client. The first one was always there.
type tenancy []tenant

type tenant struct {
	from float64
	id   *identity.Identity // nil is that nobody is known
}

// at returns who is there at a time in seconds.
func (t tenancy) at(second float64) (id *identity.Identity) {
	for _, who := range t {
		if who.from <= second {
			id = who.id
		}
	}
	return id
}

// letTo draws tenants. Pods are of few workloads, so that an address may pass to one of the same.
func letTo(r *rand.Rand, what string, workload func() string) tenancy {
	t := tenancy{{from: -100}}
	if r.IntN(3) > 0 {
		t[0].id = tenantPod(what+"-0", workload())
	}
	for n := range r.IntN(4) {
		next := tenant{from: t[n].from + 0.5 + float64(r.IntN(120))}
		if n == 0 {
			next.from = 0.5 + float64(r.IntN(180))
		}
		if r.IntN(4) > 0 {
			next.id = tenantPod(fmt.Sprint(what, "-", n+1), workload())
		}
		t = append(t, next)
	}
	return t
}

func tenantPod(pod, workload string) *identity.Identity {
	return &identity.Identity{
		Kind: identity.KindPod, Pod: pod, Place: &identity.Place{Node: "of " + pod},
		Common: &identity.Common{Namespace: "shop", Workload: identity.Workload{Kind: "Deployment", Name: workload}},
	}
}

// settle lets pods come and go, at addresses and of clients.
func (w *world) settle() {
	for n := range w.peers {
		w.peers[n] = letTo(w.rand, fmt.Sprint("pod-of-", n), func() string { return fmt.Sprint("peer", w.rand.IntN(3)) })
	}
	for n := range w.clients { // a client stays one of its workload
		w.clients[n] = letTo(w.rand, fmt.Sprint("pod-of-client", n), func() string { return fmt.Sprint("client", n) })
	}
}

// directory tells what is so.
func (w *world) directory() town {
	return town{
		local: func(end identity.Local, at uint64) (id *identity.Identity) {
			for n, t := range w.clients {
				if end.Process == fmt.Sprint("client", n) && !w.blind {
					id = t.at(secondOf(at))
				}
			}
			return id
		},
		remote: func(address netip.AddrPort, at uint64) *identity.Identity {
			if w.blind || !strings.HasPrefix(address.Addr().String(), "10.0.0.") {
				return nil
			}
			return w.peers[address.Addr().As4()[3]].at(secondOf(at))
		},
	}
}

func secondOf(ns uint64) float64 { return float64(int64(ns)-epoch*1e9) / 1e9 }

// A sumKey is what is left of a flow when it is added up.
type sumKey struct{ client, clientKind, clientPod, port, address, workload, pod string }

// flow is what of it stays the same, whoever the ends are.
func (k sumKey) flow() sumKey { return sumKey{client: k.client, port: k.port, address: k.address} }

// key says to what a flow's points of a time are added up.
func (w *world) key(c *counter, at float64) sumKey {
	k := sumKey{client: fmt.Sprint("client", c.client)}
	k.clientKind = names.KindProcess
	if id := w.clients[c.client].at(at); id != nil && w.sees(c, at) {
		k.clientKind = id.Workload.Kind
		if w.pods {
			k.clientPod = id.Pod
		}
	}
	if c.listens {
		k.port = "80"
		return k
	}
	if w.addresses {
		k.address = fmt.Sprint("10.0.0.", c.peer)
	}
	if id := w.peers[c.peer].at(at); id != nil && w.sees(c, at) {
		k.workload = id.Workload.Name
		if w.pods {
			k.pod = id.Pod
		}
	}
	return k
}
