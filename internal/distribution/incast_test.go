// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && slow

package distribution

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// Answers of several servers meet at a narrow link, all at once: that is incast from five on. Without tail
// loss probes, as before Linux 3.10 and on other systems, who loses all of an answer waits for a timeout.
func TestSlowIncast(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shards int
		want   string
	}{"incast": {8, "tcp_incast"}, "incast-not": {4, "tcp_retransmit_rise"}} {
		t.Run(name, func(t *testing.T) {
			router, hosts := netns.Star(t, 1+test.shards, netns.CongestionControl("cubic"), netns.Sysctl("net.ipv4.tcp_early_retrans", "0"))
			p := &play{test: t}
			var services []service
			for i, h := range hosts {
				services = append(services, service{name: fmt.Sprintf("service-%c", 'k'+i), address: h.IPv4})
			}
			p.watch = observe(t, tick, services, settings(t, netip.MustParsePrefix("198.51.0.0/16"), 7800)...)
			p.awaitReady()
			t.Cleanup(gather(t, hosts[0], hosts[1:], 250*time.Millisecond))
			time.Sleep(6 * tick)
			p.quiet()
			p.injected = time.Now()
			narrow(t, router, "veth0")
			opened := p.awaitProblem("open", 6*tick+30*time.Second)
			p.delay(opened, 4*tick+5*time.Second)
			time.Sleep(2 * tick)
			last := p.problems()[len(p.problems())-1]
			assert.Equal(t, test.want, word(last, "tcp.problem.type"), word(last, "tcp.problem.title"))
			// The link is its node's, where it is alone: nothing tells the one from the other.
			assert.Contains(t, []string{"node-of-service-k", "service-k"}, word(last, "tcp.problem.root_cause.name"))
		})
	}
}

// answerSize is what each shard answers, two segments.
const answerSize = 2_800

// gather lets a reader ask all shards at once, each pause, for two segments.
func gather(t testing.TB, reader netns.Host, shards []netns.Host, pause time.Duration) (stop func()) {
	t.Helper()
	ask := make([]chan struct{}, len(shards))
	var all []*shopping
	for i, shard := range shards {
		ask[i] = make(chan struct{})
		s := couple{reader, shard}.shop(t, 1, time.Millisecond, func(c *net.TCPConn) error {
			if _, ok := <-ask[i]; !ok {
				return io.EOF
			}
			if _, err := c.Write(make([]byte, 100)); err != nil {
				return err
			}
			_, err := io.ReadFull(c, make([]byte, answerSize))
			return err
		}, func(c *net.TCPConn) error {
			if _, err := io.ReadFull(c, make([]byte, 100)); err != nil {
				return err
			}
			_, err := c.Write(make([]byte, answerSize))
			return err
		})
		all = append(all, s)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(pause); ; {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			for i := range ask {
				select {
				case ask[i] <- struct{}{}:
				case <-quit:
					return
				}
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		for i := range ask {
			close(ask[i])
		}
		for _, s := range all {
			s.end()
		}
	}
}

// narrow gives a link 20 Mbit/s and a queue of four packets.
func narrow(t testing.TB, ns *netns.NS, name string) {
	t.Helper()
	link, err := ns.Netlink().LinkByName(name)
	require.NoError(t, err)
	const rate = 20_000_000 / 8
	require.NoError(t, ns.Netlink().QdiscAdd(&netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       rate, Limit: 7_000, Buffer: uint32(float64(1_600) / rate * 1e6 * 15.625),
	}))
}
