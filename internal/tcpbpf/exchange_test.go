// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
	"github.com/tcpwhy/tcpwhy/internal/testutil/traffic"
)

// A parley is one connection and how many exchanges its applications have.
type parley struct {
	traffic.Scenario
	exchanges uint64
}

// TestExchanges compares both ends of each connection with its applications' count.
func TestExchanges(t *testing.T) {
	near, far := newPlace(t), impair.Config{Delay: 5 * time.Millisecond}
	client, server := newPair(t)
	link := newLink(t, far, far)
	for name, path := range map[string]traffic.Path{
		"loopback": traffic.Loopback(near.NS, near.IPv4.String()),
		"a wire":   traffic.Between(client.NS, server.NS, server.IPv4),
		"10 ms":    traffic.Between(link.A.NS, link.B.NS, link.B.IPv4),
	} {
		t.Run(name, func(t *testing.T) {
			requireExchanges(t, path, parleys())
		})
	}
}

// TestExchangesDespiteLoss loses requests, answers and what acknowledges them.
func TestExchangesDespiteLoss(t *testing.T) {
	client, server := newPair(t)
	for _, host := range []netns.Host{client, server} {
		nft.New(t, host.NS).Drop(nft.Input, 30, nft.Data())
	}
	requireExchanges(t, traffic.Between(client.NS, server.NS, server.IPv4), parleys())
}

// TestAnswerOfGigabytes has an answer that 31 bits do not number, and no word after it.
func TestAnswerOfGigabytes(t *testing.T) {
	p := newPlace(t)
	const answer = 5 << 29
	requireExchanges(t, traffic.Loopback(p.NS, p.IPv4.String()), []parley{{traffic.Exchange(1, 100, answer), 1}})
}

func requireExchanges(t *testing.T, path traffic.Path, parleys []parley) {
	t.Helper()
	k := observe(t, Config{Granularity: GranularityConnection})
	scenarios := make([]traffic.Scenario, len(parleys))
	for i, p := range parleys {
		scenarios[i] = p.Scenario
	}
	truths := path.Run(t, 8, scenarios...)
	k.untilClosed(2*len(parleys), at(path.Address))
	want, names := make(map[traffic.End]uint64), make(map[traffic.End]string)
	for i, truth := range truths {
		for _, end := range []traffic.End{truth.Client, truth.Server} {
			end = traffic.End{Local: end.Local, Remote: end.Remote}
			want[end] += parleys[i].exchanges // a port may have been used again
			names[end] += truth.Scenario + "; "
		}
	}
	for end, exchanges := range want {
		s := k.sum(between(end))
		require.Equal(t, exchanges, s.Exchanges, "%s%+v", names[end], k.keys(between(end)))
	}
}

// between matches the flow of one end.
func between(end traffic.End) func(flow.Key) bool {
	return func(k flow.Key) bool {
		return k.Local == end.Local.Addr() && k.LocalPort == end.Local.Port() &&
			k.Remote == end.Remote.Addr() && k.RemotePort == end.Remote.Port()
	}
}

// parleys is exchanges of many sizes, on kept and on single connections, that end in
// every order, with and without words that nobody answers.
func parleys() (all []parley) {
	for _, side := range []traffic.Side{traffic.Client, traffic.Server} {
		for _, size := range [][2]int64{{1, 1}, {300, 5000}, {100, 200_000}, {200_000, 100}} {
			for _, rounds := range []int{1, 2, 30} {
				s := traffic.Exchange(rounds, size[0], size[1])
				for _, ended := range []traffic.Scenario{s.ClosedBy(side), s.OrphanedBy(side)} {
					ended.Name = fmt.Sprintf("%d × %d for %d %s", rounds, size[1], size[0], ended.Name)
					all = append(all, parley{ended, uint64(rounds)}, parley{greeted(ended), uint64(rounds)}, parley{goodbye(ended, side), uint64(rounds)})
				}
			}
		}
	}
	return append(all,
		parley{traffic.HalfClosed(traffic.Client, 2000, 300_000), 1},
		parley{traffic.HalfClosed(traffic.Client, 1, 1), 1},
		parley{traffic.HalfClosed(traffic.Server, 2000, 1), 0}, // tells something, and is told something
		parley{traffic.AbortedBy(traffic.Client, 1000), 1},
		parley{traffic.AbortedBy(traffic.Server, 1000), 0},
		parley{traffic.UnreadBy(traffic.Server, 1000), 0},
		parley{traffic.UnreadBy(traffic.Client, 1000), 0},
		parley{traffic.Stream(300_000).ClosedBy(traffic.Client), 0},
		parley{traffic.Stream(300_000).OrphanedBy(traffic.Server), 0},
		parley{asksLast(3), 4},
		parley{hangsUp(0), 0},
		parley{hangsUp(3), 3},
	)
}

// unroll makes one round of all.
func unroll(s traffic.Script, first ...traffic.Step) traffic.Script {
	return traffic.Script{Rounds: 1, Round: append(first, slices.Repeat(s.Round, s.Rounds)...), Ending: s.Ending}
}

// greeted has the server speak first.
func greeted(s traffic.Scenario) traffic.Scenario {
	s.Name += ", greeted"
	s.Client, s.Server = unroll(s.Client, read(40)), unroll(s.Server, write(40))
	return s
}

// goodbye has who closes first say something that nobody answers.
func goodbye(s traffic.Scenario, first traffic.Side) traffic.Scenario {
	s.Name += ", goodbye"
	end := &s.Client
	if first == traffic.Server {
		end = &s.Server
	}
	end.Ending = append([]traffic.Step{write(24)}, end.Ending...)
	return s
}

// asksLast has the client send its FIN with the last request.
func asksLast(rounds int) traffic.Scenario {
	s := traffic.Exchange(rounds, 100, 100)
	s.Client.Ending = []traffic.Step{write(100), shut, hear, await, finish}
	s.Server.Ending = []traffic.Step{hear, write(5000), finish}
	s.Name = fmt.Sprintf("%d times, and a request with a FIN", rounds)
	return s
}

// hangsUp has the server close instead of an answer.
func hangsUp(rounds int) traffic.Scenario {
	s := traffic.Exchange(rounds, 100, 100)
	s.Client.Ending = []traffic.Step{write(100), hear, finish}
	s.Server.Ending = []traffic.Step{read(100), finish}
	s.Name = fmt.Sprintf("%d times, and a request without an answer", rounds)
	return s
}

// TestExchangesHoweverAcknowledged mixes answers that come with the acknowledgement and
// after it, to requests of one and of several segments. Between request and answer the
// client waits.
func TestExchangesHoweverAcknowledged(t *testing.T) {
	const rounds = 40
	client, server := newPair(t)
	k := observe(t, Config{Granularity: GranularityConnection})
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeated
			d := converse(t, k, traffic.Between(client.NS, server.NS, server.IPv4), nil)
			d.match = d.ports()
			for i := range rounds {
				d.exchange(random)
				if i%10 == 9 {
					require.Zero(t, d.awaiting())
				}
			}
			d.clients(shut)
			d.servers(hear, shut)
			k.untilClosed(2, d.match)
			for _, r := range []flow.Role{flow.RoleClient, flow.RoleServer} {
				require.EqualValues(t, rounds, k.sum(role(r, d.match)).Exchanges, r)
			}
		})
	}
}

func (d *dialogue) exchange(random *rand.Rand) {
	d.t.Helper()
	var request int64
	for range 1 + random.IntN(3) {
		n := 1 + random.Int64N(3000)
		d.clients(write(n))
		request += n
		if random.IntN(2) == 0 {
			d.clients(flush)
		}
	}
	if random.IntN(4) == 0 {
		d.clients(flush)
		require.EqualValues(d.t, 1, d.awaiting())
	}
	response := 1 + random.Int64N(6000)
	d.servers(read(request), write(response))
	if random.IntN(2) == 0 {
		d.servers(flush)
	}
	d.clients(read(response))
}

// awaiting collects.
func (d *dialogue) awaiting() uint32 {
	d.t.Helper()
	d.k.collect()
	return d.k.now(role(flow.RoleClient, d.match)).Awaiting
}
