// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

// A counter is one flow of an agent, in one of its lives.
type counter struct {
	flowID
	listens     bool    // it is a listener, and has overflows only
	start, sent float64 // seconds
	skew        float64 // of its agent's clock at the start
	bytes       [2]int64
	time        float64
	rtt         [40]uint64 // from index -20, scale 2
	zero        uint64
	rttSum      float64
	scale       int32
	explicit    bool // histograms
	queue       int64
	*account
}

// A flowID is what tells one flow of the world from another, whoever its ends are.
type flowID struct {
	client, pid, peer int
	pair, behind      int // 0 is none: of its pair's key, and to what its address is translated
}

// series returns the number of sums and histograms.
func (c *counter) series() uint64 {
	if c.listens {
		return 1
	}
	return 4
}

// act lets a flow count something.
func (w *world) act(c *counter) {
	c.bytes[0] += w.rand.Int64N(1 << 40)
	c.queue = w.rand.Int64N(1 << 20)
	if c.listens {
		return
	}
	c.bytes[1] += w.rand.Int64N(2)
	c.time += w.rand.Float64() * 1e3
	for range w.rand.IntN(4) {
		c.rtt[w.rand.IntN(len(c.rtt))] += 1 + w.rand.Uint64N(100)
		c.rttSum += w.rand.Float64()
	}
	c.zero += w.rand.Uint64N(2)
	if c.scale > 0 && w.rand.IntN(20) == 0 {
		c.scale--
	}
}

// minus returns what one has more than another.
func (c *counter) minus(d *counter) counter {
	diff := *c
	for i := range diff.bytes {
		diff.bytes[i] -= d.bytes[i]
	}
	for i := range diff.rtt {
		diff.rtt[i] -= d.rtt[i]
	}
	diff.zero -= d.zero
	diff.time -= d.time
	diff.rttSum -= d.rttSum
	return diff
}

// Octaves are a histogram's counts on powers of two, from what is zero on.
type octaves [11]uint64

const firstOctave = -4 // exponent of the first upper bound

// octave returns where a bucket belongs by its upper bound, 2^(index/2^scale).
func octave(index, scale int32) int {
	return int((index+1<<scale-1)>>scale) - firstOctave + 1
}

func (c *counter) octaves() octaves {
	counts := octaves{c.zero}
	for i, n := range c.rtt {
		counts[octave(int32(i)-20+1, 2)] += n
	}
	return counts
}
