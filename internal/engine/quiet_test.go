// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/engine"
)

// A town is services that do all that services do when nothing is wrong.
type town struct {
	*world
	pairs []*couple
	every int // windows that each agent tells of at once, 0 is one
	count int
}

// A couple is a client's pod and a server's pod, in both directions.
type couple struct {
	client, server string
	n              int // of the client's pod, which a rollout replaces
	links          [2]*link
}

func newTown(t testing.TB, width time.Duration, pairs int) *town {
	w := &town{world: newWorld(t, width)}
	for i := range pairs {
		c := &couple{client: fmt.Sprintf("client-%d", i%7), server: fmt.Sprintf("server-%d", i%5), n: i}
		w.pairs = append(w.pairs, c)
		w.meet(c)
	}
	return w
}

func (w *town) meet(c *couple) {
	c.links[0], c.links[1] = w.talk(pod(c.client, c.n, c.n%3), pod(c.server, c.n%2, 3+c.n%2))
	w.links = w.links[:0]
	for _, c := range w.pairs {
		for _, l := range c.links {
			if l != nil {
				w.links = append(w.links, l)
			}
		}
	}
}

// live lets a window pass at an hour of the day.
func (w *town) live(window int) {
	day := 24 * time.Hour / w.width
	swing := 1 + .8*math.Sin(2*math.Pi*float64(window)/float64(day))
	for i, c := range w.pairs {
		for _, l := range c.links {
			l.segments = 2000 * swing
			if i%9 == 0 && swing < .5 { // idle at night
				l.segments = 0
			}
			l.loss = 1e-4
			if w.random.Float64() < .02 { // a burst
				l.loss = 1.5e-3
			}
			l.rtt = .001 * math.Exp(.1*w.random.NormFloat64()) * (1 + .2*swing)
		}
	}
	switch {
	case window%200 == 50: // a rollout: one pod after the other is another one
		c := w.pairs[window/200%len(w.pairs)]
		c.n += len(w.pairs)
		w.meet(c)
	case window%1000 == 333: // a client that nobody knew
		c := &couple{client: fmt.Sprintf("new-%d", window), server: "server-1", n: window}
		w.pairs = append(w.pairs, c)
		w.meet(c)
	}
	w.runSome(window)
}

// runSome lets a window pass in which an agent may be silent, or its clock wrong.
func (w *town) runSome(window int) {
	w.now = w.now.Add(w.width)
	w.count++
	for i, l := range w.links {
		if !speaks(w.count, i, w.every) {
			continue
		}
		at := w.now.Add(-w.width / 10)
		switch {
		case window%700 < 6 && i%5 == 0: // its agent starts anew
			continue
		case window%900 < 3 && i%4 == 0: // its clock was set
			at = at.Add(-35 * time.Second)
		case window%1100 < 3 && i%6 == 0:
			at = at.Add(90 * time.Second)
		}
		w.tell(l, uint64(at.UnixNano()))
	}
	w.judge()
}

// Half a day of bursts, swing, rollouts, new peers, idle nights, silent agents and clock steps
// has no problem.
func TestNoFaultNoProblem(t *testing.T) {
	for _, width := range []time.Duration{5 * time.Second, 10 * time.Second} {
		t.Run(width.String(), func(t *testing.T) {
			w := newTown(t, width, 24)
			windows := int(12 * time.Hour / width)
			for window := range windows {
				w.live(window)
			}
			assert.Empty(t, w.told)
			anomalies := 0
			for _, event := range w.news {
				if event.Anomaly != nil {
					anomalies++
				}
			}
			t.Logf("%d events of anomalies of %d pairs in %d windows", anomalies, len(w.links), windows)
			assert.Equal(t, engine.Losses{Late: w.Losses().Late, Skewed: w.Losses().Skewed}, w.Losses())

			w.pairs[1].links[0].loss = .03 // and a fault is seen
			for range 4 {
				w.runSome(10)
			}
			assert.Len(t, w.told, 1)
		})
	}
}
