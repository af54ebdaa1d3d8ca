// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package ebpftcpreceiver

import (
	"sync"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// A pool opens one kernel side per component, however many pipelines the
// component is in: two would count every connection twice. The Collector hands
// all pipelines of a component the same configuration.
type pool struct {
	open func(*Config) (kernel, error)
	now  func() flow.Instant

	mu     sync.Mutex
	shares map[*Config]*share
}

// A share is a kernel side in use.
type share struct {
	kernel kernel
	// opened is a moment before the first connection was observed.
	opened flow.Instant
	users  int
}

func newPool(open func(*Config) (kernel, error), now func() flow.Instant) *pool {
	return &pool{open: open, now: now, shares: make(map[*Config]*share)}
}

// acquire opens the kernel side of cfg, or takes part in the one that is open.
func (p *pool) acquire(cfg *Config) (*share, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[cfg]
	if s == nil {
		opened := p.now()
		kernel, err := p.open(cfg)
		if err != nil {
			return nil, err
		}
		s = &share{kernel: kernel, opened: opened}
		p.shares[cfg] = s
	}
	s.users++
	return s, nil
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
	return s.kernel.Close()
}
