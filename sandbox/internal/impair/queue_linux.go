// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/florianl/go-nfqueue/v2"
	"golang.org/x/sys/unix"
)

// backlog is how many packets may be in the queue; more would be lost uncounted.
const backlog = 1 << 15

// A Queue impairs the packets that a netfilter rule sends to it, in the network namespace
// in which it was opened.
type Queue struct {
	number uint16
	nfq    *nfqueue.Nfqueue
	court  *court
	wake   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
	lost   chan error

	closing atomic.Bool
}

// Open begins to serve the queue of that number. The truth about single packets is written
// to out, if that is not nil.
func Open(number uint16, config Config, out io.Writer) (*Queue, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Duplicate > 0 {
		return nil, fmt.Errorf("open netfilter queue %d: it sends no packet twice, as a share of %v is to be", number, config.Duplicate)
	}
	nfq, err := nfqueue.Open(&nfqueue.Config{
		NfQueue: number, MaxPacketLen: 0xffff, MaxQueueLen: backlog, Copymode: nfqueue.NfQnlCopyPacket,
		WriteTimeout: time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("open netfilter queue %d: %w", number, err)
	}
	_ = nfq.Con.SetReadBuffer(8 << 20) // as much as is allowed
	q := &Queue{number: number, nfq: nfq, wake: make(chan struct{}, 1), done: make(chan struct{}), lost: make(chan error, 1)}
	q.court = newCourt(config, q, newTruth(out))
	ctx, cancel := context.WithCancel(context.Background())
	q.cancel = cancel
	if err := nfq.RegisterWithErrorFunc(ctx, q.hook, q.trouble); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("register at netfilter queue %d: %w", number, err), nfq.Close())
	}
	go q.release(ctx)
	return q, nil
}

func (q *Queue) hook(a nfqueue.Attribute) int {
	if a.PacketID == nil || a.Payload == nil {
		return 0
	}
	if q.court.arrive(time.Now(), *a.PacketID, *a.Payload) {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return 0
}

// trouble keeps on reading, unless the socket is closed: an overflow of the socket's buffer
// loses packets, which is told at the end.
func (q *Queue) trouble(err error) int {
	if q.closing.Load() {
		return 1
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return 0
	}
	select {
	case q.lost <- err:
	default:
	}
	if errors.Is(err, unix.ENOBUFS) {
		return 0
	}
	return 1
}

func (q *Queue) release(ctx context.Context) {
	defer close(q.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		case <-timer.C:
		}
		left := q.court.release(time.Now())
		if left == 0 {
			left = time.Hour
		}
		timer.Reset(left)
	}
}

func (q *Queue) accept(id uint32) error { return q.nfq.SetVerdict(id, nfqueue.NfAccept) }
func (q *Queue) drop(id uint32) error   { return q.nfq.SetVerdict(id, nfqueue.NfDrop) }

// Stats returns what was done so far.
func (q *Queue) Stats() Stats { return q.court.truth.snapshot() }

// Close lets all waiting packets go, and counts no more. Take the rule away first, or
// packets that still come are lost. It returns what went wrong since the queue was opened.
func (q *Queue) Close() error {
	q.court.amnesty()
	q.drain()
	q.closing.Store(true)
	q.cancel()
	<-q.done
	errs := []error{q.court.error(), q.court.truth.close(), q.nfq.Close()}
	select {
	case err := <-q.lost:
		errs = append(errs, fmt.Errorf("read netfilter queue: %w", err))
	default:
	}
	return errors.Join(errs...)
}

// drain waits until no packet is in the queue any more, which the kernel would drop.
func (q *Queue) drain() {
	for until := time.Now().Add(time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		raw, err := os.ReadFile("/proc/thread-self/net/netfilter/nfnetlink_queue")
		if err != nil || !holds(raw, q.number) {
			return
		}
	}
}

// holds reads the kernel's list of queues: the first column is the number, the third how
// many packets wait for their verdict.
func holds(queues []byte, number uint16) bool {
	for line := range strings.Lines(string(queues)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == strconv.Itoa(int(number)) {
			return fields[2] != "0"
		}
	}
	return false
}
