// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && distribution

package distribution

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/testutil/impair"
	"github.com/tcpwhy/tcpwhy/internal/testutil/nft"
)

// The talk's own case: 3 % loss between two services that have been watched for a while.
func TestLossIsOneProblem(t *testing.T) {
	w := watchTwoServices(t, time.Second)
	request, answer := exchange(30_000)
	s := w.shop(t, 5, 100*time.Millisecond, request, answer) // about 1,000 data segments a second each way
	defer s.end()
	time.Sleep(25 * w.tick) // what is usual has to be known
	require.Empty(t, w.problems())

	filter := nft.New(t, w.server.NS) // what the sender drops itself it has not sent
	filter.Drop(nft.Input, 30)
	opened := w.awaitProblem("open", 4*w.tick+5*time.Second)
	assert.Equal(t, "tcp_retransmit_rise", word(opened, "tcp.problem.type"))
	assert.Equal(t, "service-j", word(opened, "tcp.problem.node"))
	assert.Equal(t, "service-k", word(opened, "tcp.problem.remote"))
	assert.Equal(t, "pair", word(opened, "tcp.problem.root_cause.kind"))
	assert.Equal(t, "check_path", word(opened, "tcp.problem.advice_id"))
	assert.Equal(t, "2", word(opened, "tcp.problem.affected.count"))

	time.Sleep(10 * time.Second)
	filter.Clear()
	closed := w.awaitProblem("close", 90*time.Second)
	assert.Equal(t, word(opened, "tcp.problem.id"), word(closed, "tcp.problem.id"))
	assert.Equal(t, "tcp_retransmit_rise", word(closed, "tcp.problem.type"))
	for _, p := range w.problems() {
		assert.Equal(t, word(opened, "tcp.problem.id"), word(p, "tcp.problem.id"), "one problem")
	}
}

// The first seed case: a request in two small writes, whose second part waits for the
// delayed acknowledgement of the first. The advice is TCP_NODELAY.
func TestNagleIsOneProblemAndItsAdviceHelps(t *testing.T) {
	w := watchTwoServices(t, time.Second)
	twice := func(c *net.TCPConn) error {
		for range 2 {
			if _, err := c.Write(make([]byte, 100)); err != nil {
				return err
			}
		}
		_, err := io.ReadFull(c, make([]byte, 100))
		return err
	}
	answer := func(c *net.TCPConn) error {
		if _, err := io.ReadFull(c, make([]byte, 200)); err != nil {
			return err
		}
		_, err := c.Write(make([]byte, 100))
		return err
	}
	slow := func(c *net.TCPConn) error {
		if err := c.SetNoDelay(false); err != nil {
			return err
		}
		return twice(c)
	}
	s := w.shop(t, 2, 20*time.Millisecond, slow, answer)
	opened := w.awaitProblem("open", 4*w.tick+5*time.Second)
	assert.Equal(t, "tcp_nagle_delayed_ack", word(opened, "tcp.problem.type"))
	assert.Equal(t, "service-j", word(opened, "tcp.problem.root_cause.name"))
	assert.Equal(t, "sender", word(opened, "tcp.problem.root_cause.side"))
	assert.Equal(t, "set_nodelay", word(opened, "tcp.problem.advice_id"))
	assert.Contains(t, word(opened, "tcp.problem.title"), "small writes waited 4", "40 ms and some")
	s.end()

	s = w.shop(t, 2, 20*time.Millisecond, twice, answer) // Go sets TCP_NODELAY by itself
	defer s.end()
	w.awaitProblem("close", 90*time.Second)
	time.Sleep(10 * w.tick)
	assert.Equal(t, "close", word(w.problems()[len(w.problems())-1], "tcp.problem.state"), "and it stays closed")
}

// The second seed case, both variants: SO_RCVBUF on the accepted connection, and on the
// listener before the handshake. The advice is to leave it alone.
func TestReceiveBufferIsOneProblemAndItsAdviceHelps(t *testing.T) {
	for _, test := range []struct {
		name, want string
		listener   bool
	}{
		{"on the connection", "tcp_receive_buffer_locked", false},
		{"before the handshake", "tcp_window_scale_zero", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			way := impair.Config{Delay: 5 * time.Millisecond} // 8 KiB a round trip are 800 kB/s
			link := impair.New(t, way, way)
			w := watchServices(t, time.Second, link.A, link.B)
			stop := w.pour(t, test.listener, !test.listener)
			opened := w.awaitProblem("open", 4*w.tick+5*time.Second)
			assert.Equal(t, test.want, word(opened, "tcp.problem.type"))
			assert.Equal(t, "service-k", word(opened, "tcp.problem.root_cause.name"))
			assert.Equal(t, "receiver", word(opened, "tcp.problem.root_cause.side"))
			assert.Equal(t, "unset_rcvbuf", word(opened, "tcp.problem.advice_id"))
			stop()

			defer w.pour(t, false, false)()
			w.awaitProblem("close", 90*time.Second)
			time.Sleep(10 * w.tick)
			assert.Equal(t, "close", word(w.problems()[len(w.problems())-1], "tcp.problem.state"), "and it stays closed")
		})
	}
}
