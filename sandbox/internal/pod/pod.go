// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/protocol"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/witness"
)

// swing is by how much the load is above and below its mean in the course of a day.
const swing = .3

// A Pod serves and calls.
type Pod struct {
	config   Config
	listener *listener
	clients  []*client

	mu     sync.Mutex
	random *rand.Rand

	done, failed atomic.Uint64
}

// New makes a pod that listens already, in the network namespace of the process.
func New(config Config) (*Pod, error) {
	p := &Pod{config: config, random: rand.New(rand.NewPCG(config.Seed, 1))}
	var err error
	if p.listener, err = listen(config.Address); err != nil {
		return nil, err
	}
	for _, target := range config.Calls {
		p.clients = append(p.clients, newClient(target))
	}
	return p, nil
}

// Run serves and calls until ctx ends, or serving fails.
func (p *Pod) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- protocol.Serve(p.config.Protocol, p.listener, p.answer) }()
	for _, c := range p.clients {
		switch {
		case c.target.Style == shop.Push:
			for _, address := range c.target.Addresses {
				go func() {
					_ = protocol.Subscribe(ctx, c.dial, address, func([]byte) { c.done.Add(1) })
				}()
			}
		case c.target.Rate > 0:
			go p.keepAsking(ctx, c.target.Rate, func() { _ = c.ask(ctx) })
		}
	}
	if p.config.Load > 0 {
		go p.keepAsking(ctx, p.config.Load, func() { _, _ = p.answer(ctx, protocol.Request(0, 0)) })
	}
	select {
	case <-ctx.Done():
		return p.listener.Close()
	case err := <-served:
		return err
	}
}

// keepAsking calls fn at random moments, so often each second on average of a day.
func (p *Pod) keepAsking(ctx context.Context, rate float64, fn func()) {
	began := time.Now()
	for {
		angle := 2 * math.Pi * time.Since(began).Seconds() / p.config.Day.Seconds()
		now := rate * (1 + swing*math.Sin(angle))
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(p.draw((*rand.Rand).ExpFloat64) / now * float64(time.Second))):
		}
		go fn()
	}
}

func (p *Pod) draw(how func(*rand.Rand) float64) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return how(p.random)
}

// answer calls whom the service calls, all at once, and answers whatever they say.
func (p *Pod) answer(ctx context.Context, request []byte) ([]byte, error) {
	want, err := protocol.Wanted(request)
	if err != nil {
		p.failed.Add(1)
		return nil, err
	}
	var group sync.WaitGroup
	for _, c := range p.clients {
		if p.draw((*rand.Rand).Float64) < c.target.Share {
			group.Go(func() { _ = c.ask(ctx) })
		}
	}
	group.Wait()
	if stall := p.listener.now().Stall; stall > 0 {
		time.Sleep(stall)
	}
	p.done.Add(1)
	return bytes.Repeat([]byte{'y'}, want), nil
}

// Behave changes how the pod behaves from now on.
func (p *Pod) Behave(b Behaviour) error {
	for _, c := range p.clients {
		c.behave(b.Calls[c.target.Service])
	}
	if err := limitPorts(b.Ports); err != nil {
		return err
	}
	return p.listener.behave(b.Serve)
}

// Counters tells what was done so far.
func (p *Pod) Counters() map[string]Counter {
	all := map[string]Counter{"": {Done: p.done.Load(), Failed: p.failed.Load()}}
	for _, c := range p.clients {
		all[c.target.Service] = c.count()
	}
	return all
}

// Calls tells of those that have ended since then, by the service called.
func (p *Pod) Calls(since time.Time) map[string][]witness.Call {
	all := make(map[string][]witness.Call)
	for _, c := range p.clients {
		all[c.target.Service] = c.memory.since(since)
	}
	return all
}
