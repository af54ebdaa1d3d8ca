// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && slow

package distribution

import (
	"flag"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

var record = flag.String("record", "", "keep what receivers tell in each scenario, as NAME.binpb.zst in this folder")

// A scenario is a fault between service-j and service-k, and what has to be said of it.
type scenario struct {
	tick    time.Duration
	watched time.Duration // before the fault
	// path joins the two; nil is a cable.
	path func(testing.TB) couple
	// beside joins service-l and service-m, of whom nothing is to be said; nil: they are not there.
	beside func(testing.TB, couple) couple
	// act begins what goes on, and returns what is done to it: the fault, and its end.
	act  func(p *play) (fault, mend func())
	want verdict
}

// A verdict is what a problem says. Where type is empty, none is to be told of.
type verdict struct{ typ, kind, name, side, advice string }

// A play is a scenario under way.
type play struct {
	*watch
	test     testing.TB
	near     couple // service-l and service-m
	port     uint16 // of which listeners are observed, too
	injected time.Time
}

// play plays a scenario. Each has addresses of its own, by its number, and a collector that observes
// these alone: several may be played at once.
func (s scenario) play(t *testing.T, number int) *play {
	t.Helper()
	p := s.set(t, number)
	fault, mend := s.act(p)
	time.Sleep(s.watched) // what is usual has to be known
	p.quiet()
	p.injected = time.Now()
	fault()
	if s.want.typ == "" {
		return p
	}
	opened := p.awaitProblem("open", 6*s.tick+30*time.Second)
	p.delay(opened, 4*s.tick+5*time.Second)
	s.want.compare(t, opened)
	time.Sleep(2 * s.tick)
	mend()
	closed := p.awaitProblem("close", 90*time.Second)
	assert.Equal(t, s.want.typ, word(closed, "tcp.problem.type"), "at its end")
	for _, told := range p.problems() {
		assert.Equal(t, word(opened, "tcp.problem.id"), word(told, "tcp.problem.id"), "one problem, and not %s", word(told, "tcp.problem.title"))
	}
	return p
}

// set makes the services and a collector with an eye on them.
func (s scenario) set(t *testing.T, number int) *play {
	t.Helper()
	network := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 77, byte(number), 0}), 24)
	p := &play{test: t, port: uint16(7700 + number)}
	var services []service
	settle := func(h netns.Host, name string) netns.Host {
		h.IPv4 = netip.AddrFrom4([4]byte{10, 77, byte(number), byte(len(services) + 1)})
		h.AddAddress(h.Link, netip.PrefixFrom(h.IPv4, 24))
		services = append(services, service{name: name, address: h.IPv4})
		return h
	}
	hosts := cable(t)
	if s.path != nil {
		hosts = s.path(t)
	}
	hosts = couple{settle(hosts.client, "service-j"), settle(hosts.server, "service-k")}
	if s.beside != nil {
		p.near = s.beside(t, hosts)
		p.near = couple{settle(p.near.client, "service-l"), settle(p.near.server, "service-m")}
	}
	p.watch = observe(t, s.tick, services, settings(t, network, p.port)...)
	p.couple = hosts
	p.awaitReady()
	return p
}

// settings are those of the slow tests.
func settings(t testing.TB, network netip.Prefix, port uint16) []string {
	t.Helper()
	more := []string{
		fmt.Sprintf("receivers::ebpf_tcp::include: [{cidrs: [%s]}, {ports: [%d]}]", network, port),
		"receivers::ebpf_tcp::metrics::tcp.flow.congestion_window::enabled: true",
	}
	if *record == "" {
		return more
	}
	path, err := filepath.Abs(filepath.Join(*record, filepath.Base(t.Name())+".binpb.zst"))
	require.NoError(t, err)
	return append(more,
		fmt.Sprintf("exporters::file/flows: {path: %s, create_directory: true, format: proto, compression: zstd}", path),
		"service::pipelines::metrics/flows: {receivers: [ebpf_tcp], exporters: [file/flows]}")
}

func cable(t testing.TB) couple {
	client, server := netns.Pair(t)
	return couple{client, server}
}

// quiet checks that no problem was told of.
func (p *play) quiet() {
	p.test.Helper()
	for _, told := range p.problems() {
		require.Fail(p.test, "a problem without a fault", word(told, "tcp.problem.title"))
	}
}

// delay checks how long after the fault a problem was seen, by the collector's own ticks.
func (p *play) delay(opened pcommon.Map, limit time.Duration) {
	p.test.Helper()
	at, ok := opened.Get("tcp.problem.detected_time")
	require.True(p.test, ok)
	delay := time.Unix(0, at.Int()).Sub(p.injected)
	p.test.Logf("detected %v after the fault, limit %v", delay.Round(time.Millisecond), limit)
	assert.LessOrEqual(p.test, delay, limit)
}

func (v verdict) compare(t *testing.T, problem pcommon.Map) {
	t.Helper()
	assert.Equal(t, v, verdict{
		word(problem, "tcp.problem.type"), word(problem, "tcp.problem.root_cause.kind"), word(problem, "tcp.problem.root_cause.name"),
		word(problem, "tcp.problem.root_cause.side"), word(problem, "tcp.problem.advice_id"),
	}, word(problem, "tcp.problem.title"))
}
