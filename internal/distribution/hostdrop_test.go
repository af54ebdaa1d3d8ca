// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && slow

package distribution

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
)

// A host drops a part of what comes in, before TCP sees it: no metric tells that, so it is a loss, of all
// that others send to that host, and the host's own is named. Where the host is one that has a single peer it is the
// pair's.
func TestSlowHostDrop(t *testing.T) { // not beside another star, which has the same addresses
	for i, test := range []struct {
		name     string
		dropping int // which host: the server, or a client
		kinds    []string
		place    string
	}{
		{"host-drop", 0, []string{"pod", "workload", "node"}, "service-k"},
		{"host-drop-not", 1, []string{"pair"}, "service-l"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, hosts := netns.Star(t, 4)
			var services []service
			for n, name := range []string{"service-k", "service-l", "service-m", "service-n"} {
				address := netip.AddrFrom4([4]byte{198, 51, byte(n), 2})
				services = append(services, service{name: name, address: address})
			}
			p := &play{test: t}
			p.watch = observe(t, tick, services, settings(t, netip.MustParsePrefix("198.51.0.0/16"), uint16(7840+i))...)
			for _, client := range hosts[1:] {
				request, answer := exchange(10_000)
				s := couple{client, hosts[0]}.shop(t, 3, 100*time.Millisecond, request, answer)
				t.Cleanup(s.end)
			}
			time.Sleep(8 * tick) // what is usual has to be known
			p.quiet()
			p.injected = time.Now()
			nft.New(t, hosts[test.dropping].NS).Drop(nft.Input, 30)
			opened := p.awaitProblem("open", 6*tick+30*time.Second)
			p.delay(opened, 4*tick+5*time.Second)
			time.Sleep(2 * tick)
			last := p.problems()[len(p.problems())-1]
			assert.Equal(t, word(opened, "tcp.problem.id"), word(last, "tcp.problem.id"), "one problem")
			assert.Equal(t, "tcp_retransmit_rise", word(last, "tcp.problem.type"))
			assert.Contains(t, test.kinds, word(last, "tcp.problem.root_cause.kind"))
			assert.Contains(t, word(last, "tcp.problem.root_cause.name"), test.place)
		})
	}
}
