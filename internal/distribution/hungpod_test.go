// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution && slow

package distribution

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/netns"
)

// One of three pods of a server stops reading, while clients go on asking on the connections they have. Its
// kernel acknowledges requests by itself, so late: that is no problem of the network, and it is said which pod
// calls wait for. A pod that is slow, and answers now and then, is not told to answer nothing.
func TestSlowHungPod(t *testing.T) {
	t.Parallel()
	for i, test := range []struct {
		name   string
		pause  time.Duration // before each answer; 0 is for ever
		silent bool
	}{{"hung-pod", 0, true}, {"hung-pod-not", 2 * time.Second, false}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, pods := threePods(t, 130+i)
			hang, end := make(chan struct{}), make(chan struct{})
			for i, pod := range pods {
				answer := reply
				if i == 0 {
					answer = hung(hang, end, test.pause)
				}
				s := couple{p.client, pod}.shop(t, 5, 100*time.Millisecond, ask, answer)
				t.Cleanup(s.end)
			}
			t.Cleanup(func() { close(end) })
			time.Sleep(18 * tick) // what is usual has to be known
			p.quiet()
			close(hang)
			if test.silent {
				p.awaitSaid("What calls to service-k-0 wait for is not the network: for ", 16*tick)
			} else {
				time.Sleep(16 * tick)
				assert.Empty(t, p.said("none was answered"))
			}
			for _, told := range p.problems() {
				assert.Fail(t, "a cause was invented", word(told, "tcp.problem.title"))
			}
		})
	}
}

// threePods makes service-j, and service-k of three pods, which are addresses of one host.
func threePods(t *testing.T, number int) (*play, []netns.Host) {
	t.Helper()
	p := &play{test: t}
	hosts := cable(t)
	address := func(end int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, byte(number), byte(end)}) }
	network := netip.PrefixFrom(address(0), 24)
	hosts.client.IPv4 = address(1)
	hosts.client.AddAddress(hosts.client.Link, netip.PrefixFrom(address(1), 24))
	services := []service{{name: "service-j", address: address(1)}}
	var pods []netns.Host
	for i := range 3 {
		pod := hosts.server
		pod.IPv4 = address(2 + i)
		pod.AddAddress(pod.Link, netip.PrefixFrom(pod.IPv4, 24))
		pods = append(pods, pod)
		services = append(services, service{"service-k", pod.IPv4, fmt.Sprintf("service-k-%d", i)})
	}
	p.watch = observe(t, tick, services, settings(t, network, uint16(7700+number))...)
	p.couple = hosts
	return p, pods
}

const callSize = 200

// ask sends a request, and reads what has been answered so far of it and of those before.
func ask(c *net.TCPConn) error {
	if _, err := c.Write(make([]byte, callSize)); err != nil {
		return err
	}
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, make([]byte, callSize)); !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// reply reads a request and answers it.
func reply(c *net.TCPConn) error {
	if _, err := io.ReadFull(c, make([]byte, callSize)); err != nil {
		return err
	}
	_, err := c.Write(make([]byte, callSize))
	return err
}

// hung does the same, once hang is closed with a pause before; without one it waits for the end.
func hung(hang, end <-chan struct{}, pause time.Duration) func(*net.TCPConn) error {
	return func(c *net.TCPConn) error {
		select {
		case <-hang:
		default:
			return reply(c)
		}
		var over <-chan time.Time
		if pause > 0 {
			over = time.After(pause)
		}
		select {
		case <-end:
		case <-over:
		}
		return reply(c)
	}
}

// said returns what was said of anomalies that has some words in it.
func (p *play) said(words string) (said []string) {
	for _, told := range p.told("tcp.flow.anomaly") {
		if body := told.Body().Str(); strings.Contains(body, words) {
			said = append(said, body)
		}
	}
	return said
}

// awaitSaid waits until the words are said of an anomaly.
func (p *play) awaitSaid(words string, within time.Duration) {
	p.test.Helper()
	require.Eventually(p.test, func() bool { return len(p.said(words)) > 0 }, within, 50*time.Millisecond, words)
	p.test.Log(p.said(words))
}
