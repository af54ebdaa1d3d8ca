// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A life is what a pod really did, in seconds: it is seen (told) some time later.
type life struct {
	spec
	ip                                 string
	got, report, asked, released, gone float64
	finishes                           bool // by itself: nobody asks
}

// A cluster's address plan hands out few addresses, so that each is used again and
// again, and at once.
type plan struct {
	random *rand.Rand
	lives  []*life
	free   map[string]float64 // since when
}

// live makes one pod after another on two nodes of three addresses each. The kubelet
// tells of an address up to 1.5 s after it is in use, and of an end up to 1 s after
// the address is free; the watch is up to 0.2 s late.
func (p *plan) live(n int) {
	now := 0.
	for i := range n {
		now += p.random.ExpFloat64() * 5
		node := fmt.Sprintf("n%d", p.random.IntN(2))
		ip := p.take(node, now)
		if ip == "" {
			continue
		}
		l := &life{spec: spec{name: fmt.Sprintf("p%d", i), node: node, created: now}, ip: ip}
		l.got = max(now+0.3, p.free[ip]) + p.random.Float64()
		l.started = l.got + p.random.Float64()*0.5
		l.report = l.started + p.random.Float64()
		l.asked = l.report + 0.5 + p.random.ExpFloat64()*10
		l.released = l.asked + p.random.Float64()*3
		l.finishes = p.random.IntN(3) == 0
		l.gone = l.released + p.random.Float64()
		p.free[ip] = l.released
		p.lives = append(p.lives, l)
	}
}

// take returns the address of the node that was given back last, or is about to be.
func (p *plan) take(node string, now float64) (ip string) {
	for i := range 3 {
		candidate := fmt.Sprintf("10.0.%s.%d", node[1:], i)
		if free := p.free[candidate]; free < now+0.5 && (ip == "" || free > p.free[ip]) {
			ip = candidate
		}
	}
	return ip
}

// truth returns who has an address at a time; if nobody has, who had it last, and who
// has it next: nobody can talk to it meanwhile.
func (p *plan) truth(ip string, at float64) (holders []string) {
	var last, next string
	for _, l := range p.lives {
		switch {
		case l.ip != ip:
		case l.got > at:
			if next == "" {
				next = l.name
			}
		case at < l.released:
			return []string{l.name}
		default:
			last = l.name
		}
	}
	return []string{last, next}
}

// An event is something that the store is told, or a tick of the clock.
type event struct {
	at    float64
	apply func(*world)
}

func (p *plan) events() []event {
	var all []event
	tell := func(at float64, apply func(*world)) {
		all = append(all, event{at + p.random.Float64()*0.2, apply})
	}
	for _, l := range p.lives {
		l.once = l.finishes
		waiting, running, leaving := l.spec, l.spec, l.spec
		waiting.started = 0
		running.ips = []string{l.ip}
		leaving.ips, leaving.deleting = running.ips, l.asked
		tell(l.created, func(w *world) { w.see(waiting.pod()) })
		tell(l.report, func(w *world) { w.see(running.pod()) })
		if l.finishes {
			tell(max(l.gone, l.report+0.2), func(w *world) { w.lose(running.pod()) })
			continue
		}
		tell(l.asked, func(w *world) { w.see(leaving.pod()) })
		tell(max(l.gone, l.asked+0.2), func(w *world) { w.lose(leaving.pod()) })
	}
	for at := 0.; at < p.lives[len(p.lives)-1].gone; at++ {
		all = append(all, event{at: at})
	}
	slices.SortStableFunc(all, func(a, b event) int { return int(1e9 * (a.at - b.at)) })
	return all
}

// TestNeverWrong asks for addresses that are used again within a second, as of now and
// as of before: the answer is who had it, or unknown.
func TestNeverWrong(t *testing.T) {
	for seed := range uint64(10) {
		right, unknown := 0, 0
		p := &plan{random: rand.New(rand.NewPCG(seed, 1)), free: map[string]float64{}}
		p.live(400)
		w := newWorld(t)
		for _, e := range p.events() {
			w.at(e.at)
			tick := e.apply == nil
			if !tick {
				e.apply(w)
			}
			for _, ip := range slices.Sorted(maps.Keys(p.free)) {
				at := e.at - max(0, p.random.NormFloat64()*10)
				got := w.remote(ip, 80, at)
				truth := p.truth(ip, at)
				switch told := got != "unknown" && got != "stranger"; {
				case told && !slices.Contains(truth, got):
					t.Fatalf("seed %d: asked at %.2f who had %s at %.2f: %s, but it was %q", seed, e.at, ip, at, got, truth)
				case !tick || len(truth) > 1: // a fair share is that of ticks
				case told:
					right++
				default:
					unknown++
				}
			}
		}
		t.Logf("seed %d: %d right, %d unknown", seed, right, unknown)
		require.Greater(t, right, 4*unknown, "seed %d: unknown too often", seed)
	}
}
