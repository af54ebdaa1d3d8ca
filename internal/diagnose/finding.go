// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package diagnose

import "slices"

// A Side is the part of the pair at which the trouble is made.
type Side string

// Sides.
const (
	SideSender   Side = "sender"
	SideReceiver Side = "receiver"
	SidePath     Side = "path"
	// SideListener is the receiver's accept queue.
	SideListener Side = "listener"
)

// A Finding is a rule that matched.
type Finding struct {
	Rule *Rule
	Type string // value of tcp.problem.type; most rules have but one
	Side Side
	// Weight is the evidence in nats, 0 if the rule needs none because it counts what
	// should not happen at all.
	Weight float64
	// Evidence is a sentence with the numbers.
	Evidence string
	// Mild: what was found hurts nobody by itself.
	Mild bool
	// Unsure: it takes another such finding in the same place.
	Unsure bool
	// Late: round trips that outlast the sender's timeout explain it.
	Late bool
	// Confirmed: the other end has seen it, too, by something of its own. It takes no second one.
	Confirmed bool
}

// A Rule is one cause.
type Rule struct {
	Code string // of the design: F1 to F19
	Type string
	// Class groups types that may be symptoms of one fault.
	Class    string
	AdviceID string
	Advice   string
	// Critical: what it counts should never happen, so it opens a problem at once.
	Critical bool
	// Stuck: it is of connections on which nothing moves any more.
	Stuck bool
	// Locked: it is of a buffer that an application has set, whoever waits for it.
	Locked bool
	// Alike: it is the program's manner, so that all pods of a workload have it unless one is seen not to.
	Alike bool
	// Belated: what it counts comes minutes after what has made it.
	Belated bool

	match func(*Pair) (Finding, bool)
}

// Classes of trouble.
const (
	ClassConnect = "connect"
	ClassLoss    = "loss"
	ClassDelay   = "delay"
	ClassWindow  = "window"
	ClassWrite   = "write"
	ClassReset   = "reset"
)

// rules in order of precedence: of several that match, the first is the cause and explains
// the others. A full accept queue explains SYN retransmissions, a pinned receive buffer
// what its host drops, a timeout the jitter.
var rules = []*Rule{
	&portExhaustion, &connectTimeout, &blackHole, &refused, &acceptOverflow, &synLoss, &idleDrop,
	&nagle, &receiveBuffer, &slowReader, &sendBuffer, &deadPath, &loss, &needless, &resetStorm, &longerWay, &delay, &jitter,
	&windowRestart, &shortConnections,
}

// Rules returns all rules, in order of precedence.
func Rules() []*Rule { return rules }

// Rank is a rule's place in the order of precedence.
func Rank(rule *Rule) int { return slices.Index(rules, rule) }

// Diagnose returns all that matches, the cause first.
func Diagnose(p *Pair) []Finding {
	var found []Finding
	for _, rule := range rules {
		if f, ok := rule.match(p); ok {
			f.Rule = rule
			if f.Type == "" {
				f.Type = rule.Type
			}
			f.Evidence += slowServer(p, rule)
			found = append(found, f)
		}
	}
	return found
}
