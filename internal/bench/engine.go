// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// engine prints what it takes to look for faults where there is none, and to find the place
// of one.
func (b *bench) engine() error {
	t := newTable("Looking for faults: CPU ns a data point, 20 points a flow and tick", "points a tick", "ns", "objects")
	for _, points := range []int{1000, 10_000, 100_000} {
		j, err := b.watch(points)
		if err != nil {
			return err
		}
		t.row(fmt.Sprint(points), number(j.cpu), fmt.Sprintf("%.4f", j.objects))
	}
	if err := t.print(b.out); err != nil {
		return err
	}
	return b.cover()
}

const (
	tick      = 10 * time.Second
	numPoints = 20 // of a flow
)

// watch lets an engine see ticks of so many points; the least of several.
func (b *bench) watch(points int) (least judged, err error) {
	flows := points / numPoints
	e, err := engine.New(engine.Settings{Width: tick, Tracks: flows, FalseADay: 1})
	if err != nil {
		return judged{}, err
	}
	watched := make([]*engine.Flow, flows)
	for i := range watched {
		watched[i] = e.Flow(specOf(i))
	}
	now := time.Unix(1_700_000_000, 0)
	const warm = 20
	for i := range warm + b.repetitions {
		now = now.Add(tick)
		start, err := readUsage()
		if err != nil {
			return judged{}, err
		}
		for _, f := range watched {
			tell(e, f, now)
		}
		if events := e.Evaluate(now.Add(tick / 2)); len(events) > 0 {
			return judged{}, fmt.Errorf("watch %d flows: %d events without a fault", flows, len(events))
		}
		end, err := readUsage()
		if err != nil {
			return judged{}, err
		}
		j := judged{float64((end.cpu - start.cpu).Nanoseconds()) / float64(points), float64(end.objects-start.objects) / float64(points)}
		if i == warm || i > warm && j.cpu < least.cpu {
			least = j
		}
	}
	return least, nil
}

// specOf is one of 50 clients' flows with one of many servers, client and server in turn.
func specOf(i int) engine.Spec {
	end := func(kind string, n int) localize.End {
		name := localize.Name{Namespace: "bench", Kind: "Deployment", Name: fmt.Sprintf("%s-%d", kind, n)}
		return localize.End{Workload: name, Pod: localize.Name{Namespace: "bench", Name: name.Name + "-0"}, Node: fmt.Sprintf("node-%d", n%20)}
	}
	client, server := end("client", i/2%50), end("server", i/100)
	server.Port = 80
	if i%2 == 0 {
		return engine.Spec{Agent: 1, Role: engine.Client, Source: client, Destination: server}
	}
	return engine.Spec{Agent: 2, Role: engine.Server, Source: server, Destination: client}
}

var quietSums = []engine.Field{
	engine.Sent, engine.Received, engine.DataSegments, engine.Episodes, engine.RetransmitFast, engine.RetransmitProbe,
	engine.Spurious, engine.OutOfOrder, engine.Opened, engine.ClosedFIN, engine.TimeIdle, engine.TimeNetworkLimited,
	engine.TimeReceiveWindowLimited, engine.Exchanges, engine.Stalls, engine.Probes, engine.Overflows,
}

// tell tells what a flow did in a tick.
func tell(e *engine.Engine, f *engine.Flow, now time.Time) {
	at := uint64(now.Add(-tick / 10).UnixNano())
	for _, field := range quietSums {
		n := 0.
		switch field {
		case engine.Sent, engine.DataSegments, engine.TimeIdle:
			n = 1000
		}
		e.Sum(now, f, at, field, n)
	}
	e.Gauge(now, f, at, engine.Established, 1)
	e.Exponential(now, f, at, engine.RTT, 2, -40, quietTrips)
	e.Exponential(now, f, at, engine.Variation, 2, -48, quietTrips)
}

var quietTrips = []uint64{3, 9, 20, 12, 5, 1}

// cover prints what it takes to find the place of a fault.
func (b *bench) cover() error {
	const edges, every = 10_000, 100
	var bad, healthy []localize.Edge
	for i := range edges {
		s := specOf(2 * i)
		edge := localize.Edge{From: s.Source, To: s.Destination}
		if i%every == 0 {
			edge.Evidence = 20
			bad = append(bad, edge)
			continue
		}
		healthy = append(healthy, edge)
	}
	least := time.Duration(0)
	for i := range b.repetitions {
		start, err := readUsage()
		if err != nil {
			return err
		}
		localize.Cover(bad, healthy, 20)
		end, err := readUsage()
		if err != nil {
			return err
		}
		if took := end.cpu - start.cpu; i == 0 || took < least {
			least = took
		}
	}
	t := newTable("Finding the place of a fault: CPU ms", "edges", "bad", "ms")
	t.row(fmt.Sprint(edges), fmt.Sprint(len(bad)), fmt.Sprintf("%.1f", float64(least.Microseconds())/1e3))
	return t.print(b.out)
}
