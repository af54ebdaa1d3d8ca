// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A record is a judge that writes down what it carried out.
type record struct {
	accepted, dropped []uint32
}

func (r *record) accept(id uint32) error { r.accepted = append(r.accepted, id); return nil }
func (r *record) drop(id uint32) error   { r.dropped = append(r.dropped, id); return nil }

// packet is a TCP packet with that many bytes of payload.
func packet(payload int) []byte {
	raw := make([]byte, 40+payload)
	raw[0], raw[9], raw[32] = 0x45, protocolTCP, 5<<4
	binary.BigEndian.PutUint16(raw[2:], uint16(len(raw)))
	return raw
}

var start = time.Unix(1000, 0)

// run has n packets arrive, a millisecond apart, and then lets all go.
func run(t *testing.T, c Config, n int) (*record, Stats) {
	t.Helper()
	r, out := &record{}, &bytes.Buffer{}
	court := newCourt(c, r, newTruth(out))
	for i := range n {
		now := start.Add(time.Duration(i) * time.Millisecond)
		court.release(now)
		court.arrive(now, uint32(i), packet(100))
	}
	require.Zero(t, court.release(start.Add(time.Hour)))
	require.NoError(t, court.error())
	require.NoError(t, court.truth.close())
	stats := court.truth.snapshot()
	require.EqualValues(t, stats.Dropped, strings.Count(out.String(), ",dropped,"))
	require.Len(t, r.dropped, int(stats.Dropped))
	require.Len(t, r.accepted, n-len(r.dropped))
	return r, stats
}

func TestSeedDecides(t *testing.T) {
	config := Config{Loss: .02, Jitter: 5 * time.Millisecond, Seed: 7}
	first, stats := run(t, config, 10_000)
	again, _ := run(t, config, 10_000)
	require.Equal(t, first, again)
	require.InDelta(t, 200, stats.Dropped, 60)
	config.Seed++
	other, _ := run(t, config, 10_000)
	require.NotEqual(t, first.dropped, other.dropped)

	lossOnly, _ := run(t, Config{Loss: .02, Seed: 7}, 10_000)
	require.Equal(t, first.dropped, lossOnly.dropped, "one impairment changes another")
}

func TestJitterKeepsOrderAndReorderingDoesNot(t *testing.T) {
	jitter, stats := run(t, Config{Jitter: 20 * time.Millisecond}, 1000)
	require.IsIncreasing(t, jitter.accepted)
	require.Positive(t, stats.Delayed)

	reorder, stats := run(t, Config{Reorder: .05, ReorderBy: 10 * time.Millisecond}, 1000)
	require.InDelta(t, 50, stats.Late, 25)
	late := 0
	for i := 1; i < len(reorder.accepted); i++ {
		if reorder.accepted[i] < reorder.accepted[i-1] {
			late++
		}
	}
	require.Positive(t, late)
	require.LessOrEqual(t, late, int(stats.Late))
}

// 140 bytes each millisecond meet a link of 70: half must be lost once the queue is full,
// and what waits, waits for the whole queue.
func TestSlowLink(t *testing.T) {
	r, stats := run(t, Config{Rate: 70_000, Queue: 7_000}, 2000)
	require.InDelta(t, 950, stats.Dropped, 60)
	require.IsIncreasing(t, r.accepted)
	require.InDelta(t, .1, stats.Delayed.Seconds()/float64(len(r.accepted)), .02)
}

// What is asked for is more than passes, and for seconds that only costs time.
func TestDeepQueue(t *testing.T) {
	r, stats := run(t, Config{Rate: .6 * 140_000, Queue: 5 * 140_000}, 5000)
	require.Zero(t, stats.Dropped)
	require.Greater(t, stats.Delayed.Seconds()/float64(len(r.accepted)), 1.)
}

func TestOtherPacketsPass(t *testing.T) {
	r := &record{}
	court := newCourt(Config{Loss: 1}, r, newTruth(nil))
	require.False(t, court.arrive(start, 1, []byte("neighbour")))
	require.Equal(t, []uint32{1}, r.accepted)
	require.False(t, court.arrive(start, 2, packet(1)))
	require.Equal(t, []uint32{2}, r.dropped)
	require.Equal(t, Stats{Packets: 1, Data: 1, Dropped: 1, DroppedData: 1}, court.truth.snapshot())
}

func TestAmnesty(t *testing.T) {
	r := &record{}
	court := newCourt(Config{Loss: .5, Delay: time.Hour, Seed: 7}, r, newTruth(nil))
	for id := range uint32(10) {
		court.arrive(start, id, packet(1))
	}
	require.Empty(t, r.accepted)
	court.amnesty()
	before := court.truth.snapshot()
	require.Len(t, r.accepted, int(before.Packets-before.Dropped))
	for id := range uint32(10) {
		require.False(t, court.arrive(start, 10+id, packet(1)))
	}
	require.Len(t, r.accepted, int(before.Packets-before.Dropped)+10)
	require.Equal(t, before, court.truth.snapshot(), "who comes later is not judged")
}

func TestHolds(t *testing.T) {
	queues := []byte("    7  -1234     3 2 65535     0     0       10  1\n   17   1234     0 2 65535     0     0       10  1\n")
	require.True(t, holds(queues, 7))
	require.False(t, holds(queues, 17))
	require.False(t, holds(queues, 1))
}

func TestConfigIsChecked(t *testing.T) {
	require.EqualError(t, Config{Loss: 2}.Validate(), "impairment loss: 2 is not between 0 and 1")
	require.EqualError(t, Config{Duplicate: .5, Delay: 1}.Validate(), "impairment duplicate: packets of which 0.5 come twice can be neither lost nor late")
	require.EqualError(t, Config{Rate: 5}.Validate(), "impairment rate: 5 bytes/s need a queue, which has 0 bytes")
}

func FuzzParse(f *testing.F) {
	f.Add(packet(3))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, ok := parse(raw)
		require.True(t, ok || p == Packet{})
		require.GreaterOrEqual(t, p.Payload, 0)
	})
}
