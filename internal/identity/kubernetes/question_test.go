// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build k8s

package kubernetes_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/identity/kubernetes"
	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// A kind is what a question is about.
type kind int

const (
	staying     kind = iota // the address of a pod that stays
	moving4                 // an IPv4 address that goes from pod to pod
	moving6                 // an IPv6 address that does
	headless                // either, of pods behind a headless service
	clusterIP               // either, from service to service, with port
	ownEnd                  // the observed end of a pod in its node's network
	nodeAddress             // a node's, with such pods, at the other end
	kinds
)

func (k kind) String() string {
	return [kinds]string{
		"staying pod", "moving IPv4", "moving IPv6", "behind a headless service", "cluster IP", "own end in the node's network", "node's address",
	}[k]
}

// moves tells whether its addresses change hands.
func (k kind) moves() bool { return k >= moving4 && k <= clusterIP }

// A question is one, with its answer. If not all was told then, lost is since when, and
// heard when the API server was heard last.
type question struct {
	kind
	ip, told        string
	port            uint16
	at, lost, heard time.Time
	always          string // who has the address for good, or was observed
	local           identity.Local
	on              string // the node of who was observed
}

// ask asks at random, until it is done.
func (c *churn) ask(done chan struct{}) (all []*question) {
	for {
		select {
		case <-done:
			return all
		case <-time.After(time.Millisecond):
		}
		for range 3 {
			all = append(all, c.put(c.seats[rand.IntN(podSeats)].question()))
		}
		all = append(all, c.put(c.seats[podSeats+rand.IntN(serviceSeats)].question()))
		n := rand.IntN(manyNodes)
		all = append(all, c.put(&question{kind: nodeAddress, ip: nodeAddresses(n)[rand.IntN(2)], always: nodeName(c.live, n)}))
		p := c.stay[rand.IntN(manyPods)]
		if p.HostNetwork {
			all = append(all, c.put(ownQuestion(p)))
		} else {
			all = append(all, c.put(&question{kind: staying, ip: p.IPs[rand.IntN(2)], port: 80, always: p.Name}))
		}
		s := c.seats[podSeats+serviceSeats+rand.IntN(hostSeats)]
		if p := s.someone(); p != nil {
			all = append(all, c.put(ownQuestion(p)))
		}
		s.asked.Add(1)
	}
}

// question is one of the other end. A cluster address is its service's whatever the port.
func (s *seat) question() *question {
	family := rand.IntN(2)
	q := &question{kind: moving4 + kind(family), ip: s.ips[family], port: s.port}
	switch {
	case s.service:
		q.kind = clusterIP
		if rand.IntN(4) == 0 {
			q.port++
		}
	case s.headless:
		q.kind = headless
	}
	s.asked.Add(1)
	return q
}

// ownQuestion is one of a pod's own end, by container or by UID.
func ownQuestion(p *pod) *question {
	q := &question{kind: ownEnd, always: p.Name, on: p.Node, local: identity.Local{Address: netip.MustParseAddr(p.IPs[rand.IntN(len(p.IPs))])}}
	if rand.IntN(2) == 0 {
		q.local.PodUID = p.UID
	} else {
		q.local.ContainerID = p.Container()
	}
	return q
}

// put asks one, as of now or some seconds before.
func (c *churn) put(q *question) *question {
	before := c.linkOf(q)
	q.at = time.Now().Add(-time.Duration(max(0, rand.NormFloat64()*float64(5*time.Second))))
	if q.at.Before(c.since) {
		q.at = c.since
	}
	c.answer(q)
	after := c.linkOf(q)
	q.lost, q.heard = after.Lost, after.Heard
	if !before.Lost.IsZero() {
		q.lost = before.Lost
	}
	return q
}

func (c *churn) linkOf(q *question) kubernetes.Link {
	status := c.source.Status()
	if q.kind == clusterIP {
		return status.Services
	}
	return status.Pods
}

func (c *churn) answer(q *question) {
	if q.kind == ownEnd {
		q.told = kubernetes.Tell(c.source.Local(q.local, uint64(q.at.UnixNano())))
		return
	}
	q.told = remote(c.source, q.ip, q.port, q.at)
}

// holders are who had the address then, as the test knows.
func (c *churn) holders(q *question) (all []string, sure bool) {
	if q.kind == clusterIP {
		holders, sure := c.services.Holders(q.ip, q.at)
		return namesOf(holders), sure
	}
	holders, sure := c.pods.Holders(q.ip, q.at)
	return namesOf(holders), sure
}

// within are who had the address between two times, of services those that were.
func (c *churn) within(q *question, from, to time.Time) []string {
	if q.kind == clusterIP {
		return namesOf(c.objects.Within(q.ip, from, to))
	}
	return namesOf(c.pods.Within(q.ip, from, to))
}

func namesOf[T apiserver.Holder](holders []T) (all []string) {
	for _, h := range holders {
		name, _ := h.Held()
		all = append(all, name)
	}
	return all
}

// A verdict is what an answer is.
type verdict int

const (
	wrong verdict = iota
	right
	lastKnown
	unknown
	between // unknown, and nobody had it
)

func (c *churn) judge(q *question) verdict {
	switch {
	case q.always != "" && q.told == q.always:
		return right
	case q.kind == ownEnd && c.lives[q.always] != nil && (q.told == "stranger" || q.told == q.on):
		return unknown // until its container is told
	case q.always != "":
		return wrong // it is always known
	}
	holders, sure := c.holders(q)
	switch {
	case q.told == "unknown" || q.told == "stranger":
		if sure {
			return unknown
		}
		return between
	case slices.Contains(holders, q.told):
		return right
	case !q.lost.IsZero() && !q.at.Before(q.lost) && slices.Contains(c.within(q, q.lost, q.heard), q.told):
		return lastKnown
	}
	return wrong
}

// certain returns who has to be told when all is known: whoever had its address since its
// containers' second and until the one of its deletion, unless that is not known of it: it
// may have ended by itself, or nobody was told of its beginning or its end, which is so in
// a gap that a list ended. Of a service the end is known by who deletes it only: it is the
// last one. An own end is known by its name, at any time.
func (c *churn) certain(q *question) string {
	if q.kind == ownEnd {
		if l := c.lives[q.always]; l == nil || !l.unseen {
			return q.always
		}
		return ""
	}
	holders, sure := c.holders(q)
	inGap := kubernetes.InGap
	if q.kind == clusterIP {
		inGap = kubernetes.InGapOfServices
		sure = sure && len(c.within(q, q.at, time.Now())) == 1
	}
	if !sure || inGap(c.source, q.at) {
		return ""
	}
	l := c.lives[holders[0]]
	if l == nil || l.once || l.unseen || q.at.Before(l.told.Add(time.Second)) || !q.at.Before(l.end.Add(-time.Second)) {
		return ""
	}
	return holders[0]
}
