// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"slices"
	"sync"
)

// shards is in how many parts an index is: so many readers do not meet.
const shards = 16

// An index finds pods by a key. Readers of different shards do not meet; one writer at
// a time. A pod in it is immutable: it changes by being replaced.
type index[K comparable] struct {
	shard  func(K) uint8
	shards [shards]shard[K]
}

type shard[K comparable] struct {
	mu   sync.RWMutex
	one  map[K]*pod
	many map[K][]*pod // of keys that several have; a list is never changed in place
	_    [24]byte     // to a cache line and more, so that shards do not share one
}

func newIndex[K comparable](of func(K) uint8) *index[K] {
	x := &index[K]{shard: of}
	for i := range x.shards {
		x.shards[i].one, x.shards[i].many = map[K]*pod{}, map[K][]*pod{}
	}
	return x
}

// get returns all that have a key: one, or many.
func (x *index[K]) get(k K) (one *pod, many []*pod) {
	s := &x.shards[x.shard(k)%shards]
	s.mu.RLock()
	one = s.one[k]
	if one == nil && len(s.many) > 0 {
		many = s.many[k]
	}
	s.mu.RUnlock()
	return one, many
}

// replace puts new where old is, and nowhere if it is not there. Of two nils, old is none yet, and new none any more.
func (x *index[K]) replace(k K, old, new *pod) {
	s := &x.shards[x.shard(k)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*pod
	if p := s.one[k]; p != nil {
		if p == old || old == nil && new != nil && p == new {
			s.put(k, new)
			return
		}
		all = []*pod{p}
	} else {
		all = s.many[k]
	}
	s.set(k, all, old, new)
}

func (s *shard[K]) put(k K, p *pod) {
	if p == nil {
		delete(s.one, k)
		return
	}
	s.one[k] = p
}

// set writes a key's list anew.
func (s *shard[K]) set(k K, all []*pod, old, new *pod) {
	if old != nil && !slices.Contains(all, old) {
		return
	}
	next := make([]*pod, 0, len(all)+1)
	for _, p := range all {
		if p != old {
			next = append(next, p)
		}
	}
	if new != nil {
		next = append(next, new)
	}
	delete(s.one, k)
	delete(s.many, k)
	switch len(next) {
	case 0:
	case 1:
		s.one[k] = next[0]
	default:
		s.many[k] = next
	}
}

// each calls f with every pod, once for each of its keys.
func (x *index[K]) each(f func(*pod)) {
	for i := range x.shards {
		s := &x.shards[i]
		for _, p := range s.one {
			f(p)
		}
		for _, list := range s.many {
			for _, p := range list {
				f(p)
			}
		}
	}
}

// all returns all that have a key. The zero key is nobody's.
func (x *index[K]) all(k K) []*pod {
	var none K
	if k == none {
		return nil
	}
	one, many := x.get(k)
	if one != nil {
		return []*pod{one}
	}
	return many
}

// groups calls f with all of each key.
func (x *index[K]) groups(f func(all []*pod)) {
	for i := range x.shards {
		s := &x.shards[i]
		for _, p := range s.one {
			f([]*pod{p})
		}
		for _, list := range s.many {
			f(list)
		}
	}
}
