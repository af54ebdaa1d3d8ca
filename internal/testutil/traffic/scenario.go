// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package traffic

import "slices"

// A Side is one end of a connection.
type Side string

// Sides.
const (
	Client Side = "client"
	Server Side = "server"
)

// A Scenario is what the two ends of one connection do.
type Scenario struct {
	Name           string // what and how it ends
	Client, Server Script

	what string // of those whose ending can be chosen
}

// Exchange is rounds of a request and its response, sizes in bytes. The client
// closes first.
func Exchange(rounds int, request, response int64) Scenario {
	s := Scenario{what: "exchange"}
	s.Client = Script{Rounds: rounds, Round: []Step{{Write, request}, {Read, response}}}
	s.Server = Script{Rounds: rounds, Round: []Step{{Read, request}, {Write, response}}}
	return s.ClosedBy(Client)
}

// Stream is n bytes from the client to the server. The client closes first.
func Stream(n int64) Scenario {
	return Scenario{
		what:   "stream",
		Client: once(Step{Write, n}),
		Server: once(Step{Read, n}),
	}.ClosedBy(Client)
}

// Duplex is n bytes in both directions at the same time.
func Duplex(n int64) Scenario {
	return Scenario{what: "duplex", Client: once(Step{Swap, n}), Server: once(Step{Swap, n})}.ClosedBy(Client)
}

// HalfClosed is n bytes from one side, its FIN, and then m bytes from the other.
func HalfClosed(first Side, n, m int64) Scenario {
	opener := Script{Ending: []Step{{Write, n}, {Verb: Shutdown}, {Verb: Drain}, {Verb: Await}, {Verb: Close}}}
	answer := Script{Ending: []Step{{Verb: Drain}, {Write, m}, {Verb: Shutdown}, {Verb: Await}, {Verb: Close}}}
	return between("half-closed by "+string(first), first, opener, answer)
}

// AbortedBy is n bytes from one side, all of them read, and then its RST by
// SO_LINGER 0. A byte in return keeps the order.
func AbortedBy(first Side, n int64) Scenario {
	killer := Script{Ending: []Step{{Write, n}, {Read, 1}, {Verb: Abort}}}
	victim := Script{Ending: []Step{{Read, n}, {Write, 1}, {Verb: Drain}, {Verb: Await}, {Verb: Close}}}
	return between("aborted by "+string(first), first, killer, victim)
}

// UnreadBy is n bytes, at least one, to a side that closes without reading
// them: its kernel sends a RST.
func UnreadBy(first Side, n int64) Scenario {
	ignorer := Script{Ending: []Step{{Arrive, n}, {Verb: Close}}}
	ignored := Script{Ending: []Step{{Write, n}, {Verb: Drain}, {Verb: Await}, {Verb: Close}}}
	return between("unread by "+string(first), first, ignorer, ignored)
}

// ClosedBy makes both sides shut down in order, one first, and wait for the
// final totals before they close.
func (s Scenario) ClosedBy(first Side) Scenario {
	active := []Step{{Verb: Shutdown}, {Verb: Drain}, {Verb: Await}, {Verb: Close}}
	passive := []Step{{Verb: Drain}, {Verb: Shutdown}, {Verb: Await}, {Verb: Close}}
	return s.ending(" closed by ", first, active, passive)
}

// OrphanedBy makes one side close its descriptor without waiting for the
// other's FIN, as most applications do. The last ACKs of an orphan are in no
// total of its socket.
func (s Scenario) OrphanedBy(first Side) Scenario {
	active := []Step{{Verb: Close}}
	passive := []Step{{Verb: Drain}, {Verb: Close}}
	return s.ending(" orphaned by ", first, active, passive)
}

func (s Scenario) ending(how string, first Side, active, passive []Step) Scenario {
	s.Client.Ending, s.Server.Ending = active, passive
	if first == Server {
		s.Client.Ending, s.Server.Ending = passive, active
	}
	s.Name = s.what + how + string(first)
	return s
}

// Times repeats the scenario on n connections.
func (s Scenario) Times(n int) []Scenario { return slices.Repeat([]Scenario{s}, n) }

func once(step Step) Script { return Script{Rounds: 1, Round: []Step{step}} }

func between(name string, first Side, active, passive Script) Scenario {
	if first == Server {
		return Scenario{Name: name, Client: passive, Server: active}
	}
	return Scenario{Name: name, Client: active, Server: passive}
}
