// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"fmt"
	"os"
	"sync"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A pool opens one kernel side per component, however many pipelines the
// component is in: two would count every connection twice. The Collector hands
// all pipelines of a component the same configuration.
type pool struct {
	open func(*Config) (kernel, error)
	now  func() flow.Instant
	pace pace // of events
	// flows chooses max_flows if the configuration does not.
	flows func() (int, error)
	// drop gives up what capabilities no kernel side needs any more; may be nil.
	drop func([]kernel) (dropped []string, err error)

	mu        sync.Mutex
	pipelines map[*Config]pipelines
	shares    map[*Config]*share
}

// pipelines are those that a component is in.
type pipelines struct{ metrics, logs bool }

// A share is a kernel side in use.
type share struct {
	kernel kernel
	// opened is a moment before the first connection was observed.
	opened    flow.Instant
	flows     int // that are told apart
	users     int
	announced sync.Once
	hooks     []hook // as they were announced
}

func newPool(open func(*Config) (kernel, error), now func() flow.Instant) *pool {
	return &pool{
		open: open, now: now, pace: eventPace, flows: flowsOfMemory,
		pipelines: make(map[*Config]pipelines), shares: make(map[*Config]*share),
	}
}

// join notes a pipeline of a component, before any of them starts.
func (p *pool) join(cfg *Config, joined pipelines) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.pipelines[cfg]
	p.pipelines[cfg] = pipelines{metrics: all.metrics || joined.metrics, logs: all.logs || joined.logs}
}

// joined returns the pipelines that a component is in.
func (p *pool) joined(cfg *Config) pipelines {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pipelines[cfg]
}

// acquire opens the kernel side of cfg, or takes part in the one that is open.
func (p *pool) acquire(cfg *Config) (*share, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[cfg]
	if s == nil {
		wanted, err := p.wanted(cfg)
		if err != nil {
			return nil, err
		}
		opened := p.now()
		kernel, err := p.open(wanted)
		if err != nil {
			return nil, err
		}
		s = &share{kernel: kernel, opened: opened, flows: wanted.MaxFlows}
		p.shares[cfg] = s
	}
	s.users++
	return s, nil
}

// settle gives up the capabilities that were needed to open, once all kernel sides are
// open that the components are going to: before that it returns nothing at all.
func (p *pool) settle() (dropped []string, all privileges, err error) {
	if p.drop == nil {
		return nil, nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var kernels []kernel
	keep := false
	for cfg, joined := range p.pipelines {
		if !joined.metrics && !cfg.Events.enabled() {
			continue // opens none
		}
		s := p.shares[cfg]
		if s == nil {
			return nil, nil, nil
		}
		kernels = append(kernels, s.kernel)
		keep = keep || cfg.needsLater()
	}
	if !keep {
		dropped, err = p.drop(kernels)
	}
	return dropped, readPrivileges(), err
}

// wanted is cfg with the number of flows, and without events that nobody would read.
func (p *pool) wanted(cfg *Config) (*Config, error) {
	wanted := *cfg
	if !p.pipelines[cfg].logs {
		wanted.Events = EventsConfig{}
	}
	var err error
	if wanted.MaxFlows == 0 {
		wanted.MaxFlows, err = p.flows()
	}
	return &wanted, err
}

func flowsOfMemory() (int, error) {
	memory, err := readMemory(os.DirFS("/"))
	if err != nil {
		return 0, fmt.Errorf("choose max_flows: %w", err)
	}
	return chooseFlows(memory), nil
}

// release is called once for each acquire that succeeded. The last one closes
// the kernel side.
func (p *pool) release(cfg *Config) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[cfg]
	s.users--
	if s.users > 0 {
		return nil
	}
	delete(p.shares, cfg)
	delete(p.pipelines, cfg)
	return s.kernel.Close()
}
