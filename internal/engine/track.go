// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"time"

	"github.com/tcpwhy/tcpwhy/internal/detect"
	"github.com/tcpwhy/tcpwhy/internal/localize"
)

// A track is a pair of pods, or of whatever is finest known at either end.
type track struct {
	series detect.Series // of the schedule: the track itself
	view   *view
	other  *track // what the peer says of the same connections; nil if nobody observes it
	from   localize.End
	to     localize.End
	last   detect.Window
	pace   detect.Window // windows that its agents tell of at once
	far    bool          // from one zone to another
	gone   bool          // forgotten; flows have to ask anew
	// Data segments and episodes since the view's losses seem to rise, of the last half minute: older
	// ones count for less.
	segments, episodes float64
	trouble            [numTroubles]float32
	// Round trips and their variation likewise, if the pair of workloads has others; else nil.
	rtt, variation *spread
	// What round trips usually are, and how they are now.
	usual, fresh *spread
	longer       uint8         // windows in a row in which its floor has risen
	measured     detect.Window // the last one with round trips
	arrived      bool          // all that this end has sent, in the last window
	silence      silence
	past         []past // oldest first, while rules look at the view
}

// A trackKey tells tracks apart.
type trackKey struct {
	from, to localize.End
	role     Role
}

// A viewKey tells views apart.
type viewKey struct {
	observer, peer localize.Name
	role           Role
}

// tracks holds all tracks and their views.
type tracks struct {
	limit int
	byKey map[trackKey]*track
	views map[viewKey]*view
	byID  map[uint64]*view // of views and tracks
	now   detect.Window    // that was judged last
}

func newTracks(limit int) *tracks {
	return &tracks{
		limit: limit, byKey: make(map[trackKey]*track), views: make(map[viewKey]*view),
		byID: make(map[uint64]*view),
	}
}

// get returns the track of a flow, nil if there is no room for a new one.
func (t *tracks) get(spec *Spec) *track {
	key := trackKey{spec.Source, spec.Destination, spec.Role}
	if known := t.byKey[key]; known != nil {
		return known
	}
	if len(t.byKey) >= t.limit {
		return nil
	}
	v := t.view(spec)
	n := &track{view: v, from: spec.Source, to: spec.Destination, pace: 1}
	n.far = n.from.Zone != "" && n.to.Zone != "" && n.from.InZone() != n.to.InZone()
	n.series = detect.Series{ID: key.hash()}
	n.last = t.now
	if o := t.byKey[key.mirror()]; o != nil && spec.Role != Listener {
		n.other, o.other = o, n
	}
	v.tracks = append(v.tracks, n)
	t.byKey[key], t.byID[n.series.ID] = n, v
	return n
}

func (t *tracks) view(spec *Spec) *view {
	key := viewKey{spec.Source.Workload, spec.Destination.Workload, spec.Role}
	if known := t.views[key]; known != nil {
		return known
	}
	v := newView(key, spec)
	t.views[key] = v
	t.byID[v.id] = v
	if other := t.views[key.mirror()]; other != nil && spec.Role != Listener {
		v.other, other.other = other, v
	}
	return v
}

// forget forgets tracks that have been silent for so many windows, and views without any.
// Views with an anomaly stay until that has ended.
func (t *tracks) forget(now detect.Window, silent detect.Window) {
	for key, n := range t.byKey {
		if now-n.last > max(silent, silentAfter*n.pace) && !n.view.troubled() {
			n.gone = true
			if n.other != nil {
				n.other.other = nil
			}
			n.view.drop(n)
			delete(t.byKey, key)
			delete(t.byID, n.series.ID)
		}
	}
	for key, v := range t.views {
		if len(v.tracks) > 0 || v.troubled() {
			continue
		}
		if v.other != nil {
			v.other.other = nil
		}
		delete(t.views, key)
		delete(t.byID, v.id)
	}
}

// mirror is how the peer sees the same connections.
func (k viewKey) mirror() viewKey { return viewKey{k.peer, k.observer, k.role.mirror()} }

func (k trackKey) mirror() trackKey { return trackKey{k.to, k.from, k.role.mirror()} }

func (k viewKey) hash() uint64 { return hash(byte(k.role), k.observer, k.peer) }

func (k trackKey) hash() uint64 {
	port := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, k.from.Port), k.to.Port)
	return hash(byte(k.role), k.from.Workload, k.to.Workload, k.from.Pod, k.to.Pod,
		localize.Name{Name: k.from.Node}, localize.Name{Name: k.to.Node},
		localize.Name{Name: k.from.Zone}, localize.Name{Name: k.to.Zone}, localize.Name{Name: string(port)})
}

// hash makes one number of names, the same one after a restart, and as before where no cluster is known.
func hash(seed byte, names ...localize.Name) uint64 {
	h := fnv.New64a()
	h.Write([]byte{seed})
	for _, n := range names {
		for _, part := range [...]string{n.Namespace, n.Kind, n.Name} {
			h.Write([]byte(part))
			h.Write([]byte{0})
		}
		if n.Cluster != "" {
			h.Write([]byte(n.Cluster))
			h.Write([]byte{1})
		}
	}
	return h.Sum64() | 1 // 0 is none
}

// halfMinute is how fast a track forgets what it sent, in seconds.
const halfMinute = 30

// note adds what a track did in a window.
func (t *track) note(w detect.Window, c *cell, width time.Duration) {
	r := &c.report
	keep := math.Exp2(-float64(w-t.last) * width.Seconds() / halfMinute)
	if !t.view.loses {
		t.segments, t.episodes = 0, 0
	}
	t.segments = t.segments*keep + float64(r.DataSegments)
	t.episodes = t.episodes*keep + float64(r.Lost())
	for i, n := range troubles(r) {
		t.trouble[i] = t.trouble[i]*float32(keep) + n
	}
	if len(t.view.tracks) > 1 {
		t.rtt, t.variation = t.rtt.add(keep, &c.rtt), t.variation.add(keep, &c.variation)
	} else {
		t.rtt, t.variation = nil, nil
	}
	t.learn(w, float64(w-t.last)*width.Seconds(), width.Seconds(), &c.rtt)
	t.arrived = delivered(r)
	if t.last, t.pace = w, detect.Window(c.pace); t.longer >= minLonger {
		t.view.trouble = w
	}
}
