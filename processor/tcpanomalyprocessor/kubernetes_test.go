// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && k8s

package tcpanomalyprocessor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tcpwhy/tcpwhy/internal/testutil/apiserver"
)

// TestWhoIsNamedWasThere asks the processor, by flows, who is at their ends: of each kind
// of end that there is, and of addresses that pass from pod to pod meanwhile. What it says
// is held against what the test did: right, or unknown, and never wrong; where nothing
// happens it is right. Added up to pods and workloads each flow is there once.
func TestWhoIsNamedWasThere(t *testing.T) {
	k := newTown(t)
	const identities = "identity: {kubernetes: {auth_type: kubeConfig, wait_for_metadata: true, wait_for_metadata_timeout: 60s, pod_delete_grace_period: 10m%s}}\n" +
		"aggregate: %s\ninterval: 24h\nmax_stale: 24h\ndetection: {enabled: false}\n"
	all := newTeller(t, fmt.Sprintf(identities, "", "none"))
	ofNode := newTeller(t, fmt.Sprintf(identities, ", scope: node, filter: {node: n1}", "none"))
	byPod := newTeller(t, fmt.Sprintf(identities, "", "pod"))
	byWorkload := newTeller(t, fmt.Sprintf(identities, "", "workload"))

	j := &judge{t: t, register: k.register, all: all, ofNode: ofNode}
	for _, e := range k.cases() {
		j.exact(e)
	}
	k.move(j)
	j.pronounce()
	k.end(j)
	for _, e := range k.cases() {
		j.exact(e) // as before
	}
	j.addedUp(byPod, func(e end) end { return e })
	j.addedUp(byWorkload, func(e end) end {
		e.pod, e.node, e.zone = "", "", ""
		return e
	})
}

// Slots are addresses that pass from pod to pod: two of each family, on each of the nodes.
const (
	slots = 4
	lives = 10
)

func slot(n int) []string {
	return []string{fmt.Sprintf("10.8.0.%d", n+1), fmt.Sprintf("fd00:8::%x", n+1)}
}

// move hands addresses from pod to pod, while flows come that have these at both ends.
func (k *town) move(j *judge) {
	began, asked := time.Now(), make([]atomic.Int64, slots)
	done := make(chan error, 1)
	var group errgroup.Group
	for n := range slots {
		name := fmt.Sprintf("n%d", n+1)
		h := &apiserver.Heirs{Client: k.admin, Namespace: "shop", Name: name, Nodes: []string{name}, IPs: slot(n), Register: k.register}
		h.Known, h.Late = j.known, func(*apiserver.Pod) error { return nil }
		h.Live = func(*apiserver.Pod) error {
			enough := asked[n].Load() + rand.Int64N(100)
			return await(func() (bool, error) { return asked[n].Load() >= enough, nil })
		}
		group.Go(func() error { return h.HandOver(k.t.Context(), lives) })
	}
	go func() { done <- group.Wait() }()
	for {
		select {
		case err := <-done:
			require.NoError(k.t, err)
			return
		case <-time.After(time.Millisecond):
		}
		from, to, family := rand.IntN(slots), rand.IntN(slots), rand.IntN(2)
		at := time.Now().Add(-time.Duration(max(0, rand.NormFloat64()*float64(3*time.Second))))
		if at.Before(began) {
			continue // nobody had it, or what it had counted before the processors began is left out
		}
		j.hear(&call{source: slot(from)[family], destination: slot(to)[family], at: at})
		asked[from].Add(1)
		asked[to].Add(1)
	}
}

// end deletes a pod whose addresses nobody gets: it is named as long as the grace period
// lasts, of flows that come late too. Who sees the pods of one node only knows by address alone
// until the deletion is asked for: a pod of another node may have it then.
func (k *town) end(j *judge) {
	ctx := k.t.Context()
	p := k.pod("gone", "n1", "", "10.7.0.99", "fd00:7::99")
	k.seen(j, "started")
	flow := func(ip int) *expectation {
		return &expectation{call: call{source: p.IPs[ip], destination: k.db.IPs[ip]}, from: podEnd(p), to: podEnd(k.db), ofNode: nobody}
	}
	leaving := func(ip int) *expectation {
		e := flow(ip)
		e.leaving = true
		return e
	}
	back := flow(1)
	back.source, back.destination, back.from, back.to, back.ofNode = k.web.IPs[1], p.IPs[1], podEnd(k.web), podEnd(p), nobody
	alive := time.Now()
	j.exact(flow(0))
	require.NoError(k.t, k.admin.Ask(ctx, p))
	k.seen(j, "asked")
	j.exact(leaving(1))
	require.NoError(k.t, k.admin.Remove(ctx, p))
	k.seen(j, "removed")
	j.exact(leaving(0))
	j.exact(back)
	late := flow(1)
	late.at, late.ofAll = alive, true // in the second of the deletion, as a rule: times are told to the second
	j.exact(late)
	own := flow(1)
	own.client = p // by its container
	j.exact(own)
}

// seen returns when what was done to pods of the first node has been seen: what comes after
// it has. A pod in its node's network waits for no address.
func (k *town) seen(j *judge, name string) {
	k.t.Helper()
	require.NoError(k.t, j.known(k.pod(name, "n1", "host", firstNode)))
}

// await is for goroutines, which must not end the test.
func await(f func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	for {
		if done, err := f(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}
