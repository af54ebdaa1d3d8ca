// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package localize

import (
	"maps"
	"slices"
)

// Own finds the places of bad edges whose trouble one end is known to make by itself: its
// pod, or its workload if at least two and half of the workload's pods do; a listener is that of
// the workload, or one pod of several is named.
// healthy tells which other pods there are. Where all pods of a workload are alike those that are not seen to be well count as
// bad: who has nothing to send shows nothing. That it is the one end's is sure, for its kernel says so; of a whole
// workload it is as sure as many of its pods do so, which are the other candidates.
func Own(bad, healthy []Edge) []Root {
	pods, seen := podsOf(bad, healthy), podsOf(bad, slices.DeleteFunc(slices.Clone(healthy), func(e Edge) bool { return e.Evidence >= 0 }))
	troubled := make(map[Name]map[Name]bool)
	for i := range bad {
		if end, ok := bad[i].own(); ok && end.Pod.known() {
			add(troubled, end.Workload, end.Pod)
		}
	}
	var roots []Root
	for i := range bad {
		end, ok := bad[i].own()
		if !ok {
			continue
		}
		n, all := len(troubled[end.Workload]), len(pods[end.Workload])
		if bad[i].Side == SideListener && n == 1 && all > 1 {
			end.Pod = only(troubled[end.Workload]) // who connects does not know which pod's it was
		}
		whole := n >= 2 && 2*n >= all || bad[i].Alike && all > 1 && n == len(seen[end.Workload])
		roots = join(roots, ownPlace(&bad[i], end, whole, all), i)
	}
	for i := range roots {
		r := &roots[i]
		r.count(bad, healthy)
		if n, all := len(troubled[r.Place.A]), len(pods[r.Place.A]); r.Place.Kind != KindPod && n > 0 && n < all {
			r.Confidence = float64(n) / float64(all)
			r.orPods(troubled[r.Place.A], bad, healthy)
		}
	}
	return roots
}

// own is the end that makes the trouble.
func (e *Edge) own() (End, bool) {
	switch e.Side {
	case SideSender:
		return e.From, true
	case SideReceiver, SideListener:
		return e.To, true
	}
	return End{}, false
}

func only(names map[Name]bool) (name Name) {
	for name = range names {
	}
	return name
}

// ownPlace is that of an end, of a workload with so many pods, or of the whole of it.
func ownPlace(e *Edge, end End, whole bool, pods int) Place {
	switch {
	case e.Side == SideListener && (whole || pods < 2 || !end.Pod.known()):
		return Place{Kind: KindListener, A: end.Workload, Port: end.Port}
	case whole || !end.Pod.known():
		return Place{Kind: KindWorkload, A: end.Workload}
	}
	return Place{Kind: KindPod, A: end.Pod}
}

func join(roots []Root, place Place, edge int) []Root {
	i := slices.IndexFunc(roots, func(r Root) bool { return r.Place == place })
	if i < 0 {
		i = len(roots)
		roots = append(roots, Root{Candidate: Candidate{Place: place}, Confidence: 1})
	}
	roots[i].Edges = append(roots[i].Edges, edge)
	return roots
}

// count counts the edges at the place and elsewhere.
func (r *Root) count(bad, healthy []Edge) {
	for i := range bad {
		if r.Place.has(&bad[i]) {
			r.Bad++
			r.Total++
		} else {
			r.BadElsewhere++
			r.TotalElsewhere++
		}
	}
	for i := range healthy {
		if r.Place.has(&healthy[i]) {
			r.Total++
		} else {
			r.TotalElsewhere++
		}
	}
	r.Candidates = []Candidate{r.Candidate}
}

// orPods adds pods that may be the root just as well, instead of their whole workload.
func (r *Root) orPods(troubled map[Name]bool, bad, healthy []Edge) {
	for _, pod := range slices.SortedFunc(maps.Keys(troubled), compareNames) {
		if len(r.Candidates) == maxCandidates {
			return
		}
		one := Root{Candidate: Candidate{Place: Place{Kind: KindPod, A: pod}}}
		one.count(bad, healthy)
		r.Candidates = append(r.Candidates, one.Candidate)
	}
}

func (p Place) has(e *Edge) bool {
	switch p.Kind {
	case KindPod:
		return e.From.Pod == p.A || e.To.Pod == p.A
	case KindListener:
		return e.To.Workload == p.A && e.To.Port == p.Port
	}
	return e.From.Workload == p.A || e.To.Workload == p.A
}

func podsOf(lists ...[]Edge) map[Name]map[Name]bool {
	pods := make(map[Name]map[Name]bool)
	for _, edges := range lists {
		for i := range edges {
			for _, end := range []*End{&edges[i].From, &edges[i].To} {
				if end.Pod.known() {
					add(pods, end.Workload, end.Pod)
				}
			}
		}
	}
	return pods
}

func add(sets map[Name]map[Name]bool, of, name Name) {
	if sets[of] == nil {
		sets[of] = make(map[Name]bool)
	}
	sets[of][name] = true
}
