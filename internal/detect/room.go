// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect

// place finds a slot for a new series.
func (f *Family[S, P, D]) place(w Window, series Series, emit func(Series, Verdict)) (int32, bool) {
	var i int32
	if len(f.slots) < f.limit {
		i = int32(len(f.slots))
		f.slots = append(f.slots, slot[S, P]{})
	} else {
		var ok bool
		if i, ok = f.evict(w, emit); !ok {
			return 0, false
		}
	}
	s := &f.slots[i]
	*s = slot[S, P]{series: series, last: w, state: f.detector.Start()}
	for n, parent := range series.Parents {
		if parent != 0 {
			s.pools[n] = f.refer(parent)
		}
	}
	f.index[series.ID] = i
	return i, true
}

// evictTries is how many slots are looked at for one that is idle, so that a
// flood of new series costs little for each.
const evictTries = 64

// evict frees the slot of a series that has been idle for long; one whose
// anomaly is open, only if there is none other among those looked at.
func (f *Family[S, P, D]) evict(w Window, emit func(Series, Verdict)) (int32, bool) {
	found := int32(-1)
	for range min(evictTries, len(f.slots)) {
		f.hand = (f.hand + 1) % len(f.slots)
		s := &f.slots[f.hand]
		if w-s.last < idleWindows {
			continue
		}
		found = int32(f.hand)
		if !s.open {
			break
		}
	}
	if found < 0 {
		return 0, false
	}
	f.free(found, emit)
	return found, true
}

func (f *Family[S, P, D]) free(i int32, emit func(Series, Verdict)) {
	s := &f.slots[i]
	if s.open {
		v := f.detector.Verdict(&s.state, Closed)
		v.Reason, v.End = Evicted, v.Detected
		emit(s.series, v)
		for n, j := range f.open {
			if i == j {
				f.open = append(f.open[:n], f.open[n+1:]...)
				break
			}
		}
	}
	for n, parent := range s.series.Parents {
		if s.pools[n] != nil {
			f.release(parent)
		}
	}
	delete(f.index, s.series.ID)
	f.losses.Evicted++
}

// refer returns a parent's pool, nil if there is no room for it. Pools without
// series stay until room is needed, for a service that starts anew.
func (f *Family[S, P, D]) refer(parent uint64) *P {
	p := f.pools[parent]
	switch {
	case p != nil && p.series == 0:
		f.idlePools--
	case p == nil && len(f.pools) >= f.limit:
		return nil
	case p == nil:
		p = &pool[P]{}
		f.pools[parent] = p
	}
	p.series++
	return &p.pool
}

// release drops idle pools when they are a quarter of all there may be, so that
// each costs a few steps only.
func (f *Family[S, P, D]) release(parent uint64) {
	p := f.pools[parent]
	if p.series--; p.series > 0 {
		return
	}
	if f.idlePools++; f.idlePools < max(1, f.limit/4) {
		return
	}
	for parent, p := range f.pools {
		if p.series == 0 {
			delete(f.pools, parent)
		}
	}
	f.idlePools = 0
}
