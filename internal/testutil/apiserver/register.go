// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"sync"
	"time"
)

// A Register notes who really has an address, and when, so that answers can be held
// against it. It is safe for concurrent use.
type Register struct {
	mu      sync.Mutex
	tenures []*tenure
}

// A tenure is when a pod has an address.
type tenure struct {
	pod       *Pod
	ip        string
	got, left time.Time // left is zero as long as it has it
}

// Take notes that a pod has its addresses from now on.
func (r *Register) Take(p *Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, ip := range p.IPs {
		r.tenures = append(r.tenures, &tenure{pod: p, ip: ip, got: now})
	}
}

// Leave notes that it has them no more.
func (r *Register) Leave(p *Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, e := range r.tenures {
		if e.pod == p {
			e.left = now
		}
	}
}

// Within returns all who had an address between two times.
func (r *Register) Within(ip string, from, to time.Time) (holders []*Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.tenures {
		if e.ip == ip && !e.got.After(to) && (e.left.IsZero() || !e.left.Before(from)) {
			holders = append(holders, e.pod)
		}
	}
	return holders
}

// Holders returns who had an address at a time, and that this is sure; if nobody had, who
// had it before and who has it after: nobody talks to it meanwhile.
func (r *Register) Holders(ip string, at time.Time) (holders []*Pod, sure bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var last, next *tenure
	for _, e := range r.tenures {
		switch {
		case e.ip != ip:
		case e.got.After(at):
			if next == nil || e.got.Before(next.got) {
				next = e
			}
		case e.left.IsZero() || e.left.After(at):
			return []*Pod{e.pod}, true
		case last == nil || e.left.After(last.left):
			last = e
		}
	}
	for _, e := range []*tenure{last, next} {
		if e != nil {
			holders = append(holders, e.pod)
		}
	}
	return holders, false
}
