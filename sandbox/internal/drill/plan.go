// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package drill

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tcpwhy/tcpwhy/sandbox/internal/fault"
	"github.com/tcpwhy/tcpwhy/sandbox/internal/shop"
)

// A Step is a fault and when it begins and ends, counted from the beginning.
type Step struct {
	fault.Spec
	At  time.Duration `json:"at"`
	For time.Duration `json:"for"`

	// What a collector is expected to say, as the catalogue had it when the plan was made:
	// types that are right, none if TCP cannot see it, and those that need not be said.
	Expect []string `json:"expect"` // never nil
	Allow  []string `json:"allow,omitempty"`
}

// expecting fills in what is expected by the catalogue of today.
func (s Step) expecting() Step {
	s.Expect, s.Allow = []string{}, nil
	if kind, err := fault.Find(s.Fault); err == nil {
		s.Expect, s.Allow = append(s.Expect, kind.Expect...), slices.Clone(kind.Allow)
	}
	return s
}

// A Plan is a drill.
type Plan struct {
	Name   string        `json:"name"`
	Seed   uint64        `json:"seed"`
	Steps  []Step        `json:"steps"`
	Length time.Duration `json:"length"`
}

// step is that of a fault that was injected. One that the plan does not have, but a console
// injected, is expected to be seen as the catalogue says.
func (p Plan) step(spec fault.Spec) Step {
	at := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Spec == spec })
	if at < 0 {
		return Step{Spec: spec}.expecting()
	}
	return p.Steps[at]
}

// specs are all faults of the plan.
func (p Plan) specs() (all []fault.Spec) {
	for _, step := range p.Steps {
		all = append(all, step.Spec)
	}
	return all
}

// A moment is when a fault begins or ends.
type moment struct {
	at    time.Duration
	step  int // -1: the plan's end
	begin bool
}

// moments are those of the plan, in order; the last one is its end.
func (p Plan) moments() (all []moment) {
	for i, step := range p.Steps {
		all = append(all, moment{step.At, i, true}, moment{step.At + step.For, i, false})
	}
	all = append(all, moment{at: p.Length, step: -1})
	slices.SortStableFunc(all, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return all
}

// A pace is how fast faults follow each other.
type pace struct{ warm, fault, quiet time.Duration }

var (
	calm  = pace{warm: 150 * time.Second, fault: 75 * time.Second, quiet: 60 * time.Second}
	hasty = pace{warm: 75 * time.Second, fault: 40 * time.Second, quiet: 20 * time.Second}
)

// Smoke is a short one, for CI: what the talk shows, a fault of each class, and one that
// TCP cannot see.
func Smoke(seed uint64) Plan {
	s := shop.Standard()
	p := planner{shop: s, random: rand.New(rand.NewPCG(seed, 2)), pace: hasty}
	p.plan = Plan{Name: "smoke", Seed: seed}
	p.clock = p.pace.warm
	p.slot(p.beside(p.at("loss-3", fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}), "refused", fault.Workload)...)
	p.slot(p.beside(p.at("nagle", fault.Place{Kind: fault.Pair, A: "service-b", B: "service-f"}), "database-stall", fault.Workload)...)
	return p.done()
}

// Demo is the talk's case alone.
func Demo(seed uint64) Plan {
	p := planner{shop: shop.Standard(), random: rand.New(rand.NewPCG(seed, 2)), pace: pace{2 * time.Minute, time.Minute, 10 * time.Second}}
	p.plan = Plan{Name: "demo", Seed: seed}
	p.clock = p.pace.warm
	p.slot(p.at("loss-3", fault.Place{Kind: fault.Pair, A: "service-j", B: "service-k"}))
	return p.done()
}

// Quiet is an hour without faults.
func Quiet(seed uint64) Plan { return Plan{Name: "quiet", Seed: seed, Length: time.Hour} }

// Full has each kind of fault at each pair, pod and service it can be at, two at once where they are apart. What
// touches everybody is alone: 3 % loss and delay, and of the rest as many as there is time
// for; other seeds have others.
func Full(seed uint64) Plan {
	p := planner{shop: shop.Standard(), random: rand.New(rand.NewPCG(seed, 2)), pace: calm}
	p.plan = Plan{Name: "full", Seed: seed}
	p.clock = p.pace.warm
	var alone, more, apart []fault.Spec
	for _, kind := range fault.Kinds() {
		for _, place := range kind.Places {
			spec := p.somewhere(kind.Name, place)
			switch {
			case place != fault.Node && place != fault.ZonePair:
				apart = append(apart, spec)
			case kind.Name == "loss-3" || kind.Name == "delay" && place == fault.Node:
				alone = append(alone, spec)
			default:
				more = append(more, spec)
			}
		}
	}
	slots := p.pairUp(apart)
	p.random.Shuffle(len(more), func(i, j int) { more[i], more[j] = more[j], more[i] })
	for _, spec := range append(alone, more[:room]...) {
		slots = append(slots, []fault.Spec{spec})
	}
	p.random.Shuffle(len(slots), func(i, j int) { slots[i], slots[j] = slots[j], slots[i] })
	for _, slot := range slots {
		p.slot(slot...)
	}
	return p.done()
}

// room is for how many faults a whole drill has time that are neither loss nor delay, and
// touch everybody.
const room = 2

type planner struct {
	shop   *shop.Shop
	random *rand.Rand
	pace   pace
	clock  time.Duration
	plan   Plan
}

func (p *planner) at(name string, place fault.Place) fault.Spec {
	return fault.Spec{Fault: name, Place: place, Seed: p.random.Uint64()}
}

// slot has faults begin nearly at once.
func (p *planner) slot(specs ...fault.Spec) {
	for _, spec := range specs {
		jitter := time.Duration(p.random.IntN(5000)) * time.Millisecond
		p.plan.Steps = append(p.plan.Steps, Step{Spec: spec, At: p.clock + jitter, For: p.pace.fault}.expecting())
	}
	p.clock += p.pace.fault + p.pace.quiet
}

func (p *planner) done() Plan {
	p.plan.Length = p.clock
	return p.plan
}

// pairUp puts two specs that touch no common service together; of what is left each is
// alone.
func (p *planner) pairUp(specs []fault.Spec) (slots [][]fault.Spec) {
	p.random.Shuffle(len(specs), func(i, j int) { specs[i], specs[j] = specs[j], specs[i] })
	for len(specs) > 0 {
		slot := specs[:1:1]
		specs = specs[1:]
		at := slices.IndexFunc(specs, func(s fault.Spec) bool { return p.apart(s, slot[0]) })
		if at >= 0 {
			slot = append(slot, specs[at])
			specs = slices.Delete(specs, at, at+1)
		}
		slots = append(slots, slot)
	}
	return slots
}

// beside adds a fault at a place that touches no service of the first one's.
func (p *planner) beside(first fault.Spec, name string, kind fault.PlaceKind) []fault.Spec {
	var free []fault.Place
	for _, place := range places(p.shop, name, kind) {
		if p.apart(first, fault.Spec{Fault: name, Place: place}) {
			free = append(free, place)
		}
	}
	return []fault.Spec{first, p.at(name, free[p.random.IntN(len(free))])}
}

func (p *planner) apart(a, b fault.Spec) bool {
	touched := a.Touched(p.shop)
	return !slices.ContainsFunc(b.Touched(p.shop), func(service string) bool { return slices.Contains(touched, service) })
}

// somewhere chooses a place of that kind at which the fault shows.
func (p *planner) somewhere(name string, kind fault.PlaceKind) fault.Spec {
	places := places(p.shop, name, kind)
	if len(places) == 0 {
		panic(fmt.Sprintf("plan: there is no %s for %s", kind, name))
	}
	return p.at(name, places[p.random.IntN(len(places))])
}
