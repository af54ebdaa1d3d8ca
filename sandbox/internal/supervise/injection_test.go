// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/impair"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/node"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/pod"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// A fake has machines that fail when they are told to. Each node impairs 10 packets a fault.
type fake struct {
	broken map[string]error
	there  map[string]bool // nodes that impair
	pods   map[string]pod.Behaviour
	cpu    map[string]float64
	calls  map[string][]witness.Call // of each pod, by the service called
	since  map[string]time.Time      // what each was asked for
}

func newFake() (*fake, *Supervisor) {
	f := &fake{broken: map[string]error{}, there: map[string]bool{}, pods: map[string]pod.Behaviour{}, cpu: map[string]float64{}, since: map[string]time.Time{}}
	return f, &Supervisor{Shop: shop.Standard(), machines: f, down: make(chan struct{})}
}

func (f *fake) tellNode(name string, c node.Command) (r node.Reply, err error) {
	if err := f.broken[name]; err != nil {
		return r, err
	}
	r.Stats = map[uint16]impair.Stats{}
	switch {
	case c.Add != nil:
		f.there[name] = true
	case c.Remove != 0 && f.there[name]:
		delete(f.there, name)
		r.Stats[c.Remove] = impair.Stats{Packets: 10}
		err = f.broken["reader of "+name]
	}
	if f.there[name] {
		r.Stats[1] = impair.Stats{Packets: 10}
	}
	return r, err
}

func (f *fake) tellPod(name string, c pod.Command) (pod.Reply, error) {
	if err := f.broken[name]; err != nil {
		return pod.Reply{}, err
	}
	if c.Behaviour != nil {
		f.pods[name] = *c.Behaviour
	}
	if !c.Since.IsZero() {
		f.since[name] = c.Since
		return pod.Reply{Calls: f.calls}, nil
	}
	return pod.Reply{}, nil
}

func (f *fake) limitCPU(pod string, share float64) error {
	f.cpu[pod] = share
	return f.broken["cpu of "+pod]
}

func (f *fake) canLimitCPU() error { return f.broken["cpu"] }
func (f *fake) pid(string) int     { return 1 }
func (f *fake) adopt(int) error    { return f.broken["cgroups"] }

var (
	errBroken = errors.New("it is broken")
	lossy     = fault.Spec{Fault: "loss-3", Place: fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}}
	refusing  = fault.Spec{Fault: "refused", Place: fault.Place{Kind: fault.Workload, A: "service-h"}}
)

func supervised(t *testing.T) (*fake, *Supervisor) {
	t.Helper()
	f, s := newFake()
	s.folder = &folder{path: t.TempDir()}
	return f, s
}

// One node that cannot keeps no other from lifting, and lifting can be repeated until it can.
func TestLiftAgain(t *testing.T) {
	f, s := supervised(t)
	one, err := s.Inject(lossy)
	require.NoError(t, err)
	require.Len(t, f.there, 3)
	require.False(t, one.Start.IsZero())

	f.broken["node-1"] = errBroken
	one, err = s.Lift(one.ID)
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, Active, one.State(), "a node does it still")
	require.Equal(t, map[string]bool{"node-1": true}, f.there)

	delete(f.broken, "node-1")
	history, err := s.History()
	require.NoError(t, err)
	require.EqualValues(t, 30, history[0].Stats.Packets, "of nodes that do it and of those that did")
	one, err = s.Lift(one.ID)
	require.NoError(t, err)
	require.Equal(t, Ended, one.State())
	require.Empty(t, f.there)
	require.EqualValues(t, 30, one.Stats.Packets, "each node's once")
	again, err := s.Lift(one.ID)
	require.NoError(t, err)
	require.Equal(t, one, again)
}

// What a node has done counts also if it complains at the end.
func TestComplaintAtTheEnd(t *testing.T) {
	f, s := supervised(t)
	one, err := s.Inject(lossy)
	require.NoError(t, err)
	f.broken["reader of node-2"] = errBroken
	one, err = s.Lift(one.ID)
	require.ErrorIs(t, err, errBroken)
	require.Empty(t, f.there)
	one, err = s.Lift(one.ID)
	require.NoError(t, err)
	require.EqualValues(t, 30, one.Stats.Packets)
	require.Equal(t, Ended, one.State())
}

// What begins at some machines only is taken away, and the history tells of it.
func TestInjectFails(t *testing.T) {
	f, s := supervised(t)
	f.broken["node-3"] = errBroken
	one, err := s.Inject(lossy)
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, Failed, one.State())
	require.False(t, one.Active())
	require.Empty(t, f.there, "the others do it no more")

	raw, err := os.ReadFile(s.folder.file(historyFile))
	require.NoError(t, err)
	var written []Injection
	require.NoError(t, json.Unmarshal(raw, &written))
	require.Equal(t, Failed, written[0].State())
	require.Equal(t, "inject loss-3: it is broken", written[0].Failed)
	require.False(t, written[0].Start.IsZero())
	require.True(t, written[0].End.IsZero())

	delete(f.broken, "node-3")
	one, err = s.Lift(one.ID)
	require.NoError(t, err)
	require.Equal(t, Failed, one.State(), "and it never was anything else")
}

// A pod that is gone keeps no other from being as it was.
func TestLiftAtPods(t *testing.T) {
	f, s := supervised(t)
	one, err := s.Inject(refusing)
	require.NoError(t, err)
	names := s.faults[0].action.Pods
	require.Greater(t, len(names), 1)
	for _, name := range names {
		require.True(t, f.pods[name].Serve.Refuse)
	}
	f.broken[names[0]], f.broken["cpu of "+names[0]] = errBroken, errBroken
	_, err = s.Lift(one.ID)
	require.ErrorIs(t, err, errBroken)
	require.False(t, f.pods[names[1]].Serve.Refuse, "the others are well")
	require.True(t, s.faults[0].Active())
	clear(f.broken)
	one, err = s.Lift(one.ID)
	require.NoError(t, err)
	require.False(t, f.pods[names[0]].Serve.Refuse)
	require.Equal(t, Ended, one.State())
}

// What the history knows it tells, though a node says nothing.
func TestHistoryWithoutANode(t *testing.T) {
	f, s := supervised(t)
	_, err := s.Inject(lossy)
	require.NoError(t, err)
	f.broken["node-1"] = errBroken
	history, err := s.History()
	require.ErrorIs(t, err, errBroken)
	require.Len(t, history, 1)
	require.EqualValues(t, 20, history[0].Stats.Packets)
}
