// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"bufio"
	"fmt"
	"io"
	"sync"
	"time"
)

// Stats is what happened to the TCP packets of one queue.
type Stats struct {
	Packets     uint64        `json:"packets"`
	Data        uint64        `json:"data"` // of those, with payload
	Dropped     uint64        `json:"dropped"`
	DroppedData uint64        `json:"dropped_data"` // of those, with payload
	Late        uint64        `json:"late"`         // overtaken by others
	Twice       uint64        `json:"twice"`
	Delayed     time.Duration `json:"delayed"` // all delays together
}

// Add adds up what happened on several queues.
func (s Stats) Add(o Stats) Stats {
	return Stats{
		s.Packets + o.Packets, s.Data + o.Data, s.Dropped + o.Dropped, s.DroppedData + o.DroppedData,
		s.Late + o.Late, s.Twice + o.Twice, s.Delayed + o.Delayed,
	}
}

// A truth writes down what was done. It is safe for concurrent use.
type truth struct {
	mu    sync.Mutex
	stats Stats
	out   *bufio.Writer // nil: only count
	err   error
}

func newTruth(out io.Writer) *truth {
	t := &truth{}
	if out != nil {
		t.out = bufio.NewWriterSize(out, 1<<16)
		t.printf("time_ns,from,to,sequence,payload,fate,delay_ns\n")
	}
	return t
}

// note counts a packet, and writes it down unless nothing at all happened to it.
func (t *truth) note(now time.Time, p Packet, f fate) {
	t.mu.Lock()
	defer t.mu.Unlock()
	data := uint64(min(p.Payload, 1))
	t.stats.Packets++
	t.stats.Data += data
	word := "delayed"
	switch {
	case f.drop:
		word = "dropped"
		t.stats.Dropped++
		t.stats.DroppedData += data
	case f.late:
		word = "late"
		t.stats.Late++
	case f.twice:
		word = "twice"
		t.stats.Twice++
	case f.delay == 0:
		return
	}
	if !f.drop {
		t.stats.Delayed += f.delay
	}
	if t.out != nil {
		t.printf("%d,%s,%s,%d,%d,%s,%d\n", now.UnixNano(), p.From, p.To, p.Sequence, p.Payload, word, f.delay.Nanoseconds())
	}
}

func (t *truth) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(t.out, format, args...); err != nil && t.err == nil {
		t.err = fmt.Errorf("write down packets: %w", err)
	}
}

func (t *truth) snapshot() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}

func (t *truth) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		return nil
	}
	if err := t.out.Flush(); err != nil {
		return fmt.Errorf("write down packets: %w", err)
	}
	return t.err
}
