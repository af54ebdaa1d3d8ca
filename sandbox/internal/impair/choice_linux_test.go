// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package impair

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The kernel drops what a queue with the same seed would have dropped.
func TestNumbersAreThoseOfAQueue(t *testing.T) {
	config := Config{Loss: .02, Seed: 7}
	queue, _ := run(t, config, 10_000)
	numbers := config.Numbers()
	require.InDelta(t, .02*Period, len(numbers), 120)
	for i, id := range queue.dropped {
		require.EqualValues(t, id, numbers[i])
	}
	config.Seed++
	require.NotEqual(t, numbers, config.Numbers())
	require.InDelta(t, .05*Period, len(Config{Duplicate: .05}.Numbers()), 200)
}

func TestWhatTheKernelCanChoose(t *testing.T) {
	require.True(t, Config{Loss: .1, Seed: 3}.Chosen())
	require.True(t, Config{Duplicate: .1, Seed: 3}.Chosen())
	require.False(t, Config{Seed: 3}.Chosen())
	require.False(t, Config{Loss: .1, Delay: time.Millisecond}.Chosen())
	require.False(t, Config{Loss: .1, Rate: 1, Queue: 1}.Chosen())
}

// What could not be sent did not come twice.
func TestChoiceTellsWhatItDid(t *testing.T) {
	out, sent := &bytes.Buffer{}, [][]byte(nil)
	c := &Choice{config: Config{Duplicate: .1}, truth: newTruth(out)}
	c.send = func(packet []byte) error { sent = append(sent, packet); return nil }
	c.hear(start, packet(100), true)
	c.hear(start, packet(100), false)
	c.hear(start, []byte("neighbour"), true)
	c.send = func([]byte) error { return errors.New("no route") }
	c.hear(start, packet(0), true)
	require.Len(t, sent, 1)
	require.Equal(t, Stats{Packets: 3, Data: 2, Twice: 1}, c.Stats())
	require.EqualError(t, c.failed, "send packet once more: no route")
	require.NoError(t, c.truth.close())
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte(",twice,")))

	lost := &Choice{config: Config{Loss: .1}, truth: newTruth(nil)}
	lost.hear(start, packet(100), true)
	require.Equal(t, Stats{Packets: 1, Data: 1, Dropped: 1, DroppedData: 1}, lost.Stats())
}

// RFC 9293 §3.1: with the sum in its place all words add up to ones, those of the pseudo
// header too.
func TestChecksum(t *testing.T) {
	for payload := range 4 {
		raw := packet(payload)
		copy(raw[12:], []byte{10, 0, 0, 1, 10, 255, 0, 2})
		for i := range payload {
			raw[40+i] = byte(200 + i)
		}
		raw[36], raw[37] = 1, 2 // what the kernel left there
		checksum(raw)
		words := append([]byte{0, protocolTCP, 0, byte(20 + payload)}, raw[12:]...)
		words = append(words, make([]byte, len(words)%2)...)
		sum := uint32(0)
		for ; len(words) > 0; words = words[2:] {
			sum += uint32(binary.BigEndian.Uint16(words))
		}
		require.EqualValues(t, 0xffff, sum>>16+sum&0xffff)
	}
}
