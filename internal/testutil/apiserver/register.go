// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"sync"
	"time"
)

// A Holder has addresses for some time. Its name is its own.
type Holder interface {
	comparable
	Held() (name string, addresses []string)
}

// A Register is one of pods.
type Register = RegisterOf[*Pod]

// A RegisterOf notes who really has an address, and when, so that answers can be held
// against it. It is safe for concurrent use.
type RegisterOf[T Holder] struct {
	mu      sync.Mutex
	tenures map[string][]*tenure[T] // by address
}

// A tenure is when somebody has an address.
type tenure[T Holder] struct {
	holder    T
	got, left time.Time // left is zero as long as it has it
}

// Take notes that somebody has its addresses from now on.
func (r *RegisterOf[T]) Take(holder T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.tenures == nil {
		r.tenures = map[string][]*tenure[T]{}
	}
	_, addresses := holder.Held()
	for _, ip := range addresses {
		r.tenures[ip] = append(r.tenures[ip], &tenure[T]{holder: holder, got: now})
	}
}

// Leave notes that it has them no more.
func (r *RegisterOf[T]) Leave(holder T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	_, addresses := holder.Held()
	for _, ip := range addresses {
		for _, e := range r.tenures[ip] {
			if e.holder == holder {
				e.left = now
			}
		}
	}
}

// Within returns all who had an address between two times.
func (r *RegisterOf[T]) Within(ip string, from, to time.Time) (holders []T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.tenures[ip] {
		if !e.got.After(to) && (e.left.IsZero() || !e.left.Before(from)) {
			holders = append(holders, e.holder)
		}
	}
	return holders
}

// Holders returns who had an address at a time, and that this is sure; if nobody had, who
// had it before and who has it after: nobody talks to it meanwhile.
func (r *RegisterOf[T]) Holders(ip string, at time.Time) (holders []T, sure bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var last, next *tenure[T]
	for _, e := range r.tenures[ip] {
		switch {
		case e.got.After(at):
			if next == nil || e.got.Before(next.got) {
				next = e
			}
		case e.left.IsZero() || e.left.After(at):
			return []T{e.holder}, true
		case last == nil || e.left.After(last.left):
			last = e
		}
	}
	for _, e := range []*tenure[T]{last, next} {
		if e != nil {
			holders = append(holders, e.holder)
		}
	}
	return holders, false
}
