// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
	"github.com/tcpwhy/tcpwhy/internal/tcpbpf/internal/bucket"
	"github.com/tcpwhy/tcpwhy/internal/testutil/root"
)

// Bounds by their definition alone, in whole numbers: v µs are at most 2^(e/4) s
// if and only if v⁴ ≤ 10²⁴·2^e.

var million4 = new(big.Int).Exp(big.NewInt(1_000_000), big.NewInt(4), nil)

// withinQuarter reports whether us is at most 2^(e/4) s.
func withinQuarter(us uint32, e int) bool {
	v := new(big.Int).Exp(big.NewInt(int64(us)), big.NewInt(4), nil)
	bound := new(big.Int).Set(million4)
	if e < 0 {
		v.Lsh(v, uint(-e))
	} else {
		bound.Lsh(bound, uint(e))
	}
	return v.Cmp(bound) <= 0
}

// quarterOf returns the smallest e for which us, other than 0, is at most 2^(e/4) s.
func quarterOf(us uint32) int {
	e := -80 // 2^(-80/4) s is less than a microsecond
	for !withinQuarter(us, e) {
		e++
	}
	return e
}

// wantRTTBucket is the kernel side's number of the bucket: 0 for 0, then from
// 2^(-79/4) s on, the first that a whole number of µs fits into.
func wantRTTBucket(us uint32) uint8 {
	if us == 0 {
		return 0
	}
	return uint8(min(quarterOf(us)+79, 126) + 1)
}

// wantWindowBucket: 0 for 0, then from 2^0 B on.
func wantWindowBucket(bytes uint32) uint8 {
	if bytes == 0 {
		return 0
	}
	e := 0
	for uint64(bytes) > 1<<e {
		e++
	}
	return uint8(min(e, 30) + 1)
}

// largestIn returns the largest whole number of µs that is at most 2^(e/4) s.
func largestIn(e int) uint32 {
	low, high := uint32(0), uint32(math.MaxUint32)
	for low < high {
		middle := low + (high-low)/2 + 1
		if withinQuarter(middle, e) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// edges holds each bound of each table with its neighbours, the ends of the
// number range, all small numbers, and numbers of every size.
func edges() (values []uint32) {
	around := func(v uint32) { values = append(values, v-1, v, v+1) }
	for e := -79; e <= 48; e++ {
		around(largestIn(e))
	}
	for k := range 32 {
		around(1 << k)
	}
	around(4096) // where the table of small numbers ends
	around(0)
	around(math.MaxUint32)
	for us := range uint32(5000) {
		values = append(values, us)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		values = append(values, random.Uint32()>>random.IntN(32))
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// TestBucketAtEveryBound runs the kernel side's own code.
func TestBucketAtEveryBound(t *testing.T) {
	root.Require(t)
	run := newBucketRun(t)
	for values := range slices.Chunk(edges(), bucketBatch) {
		rtts, windows := run(values)
		for i, v := range values {
			require.Equal(t, wantRTTBucket(v), rtts[i], "bucket of %d µs", v)
			require.Equal(t, wantWindowBucket(v), windows[i], "bucket of %d B", v)
		}
	}
}

// TestBucketIsThatOfLayout compares the kernel side's number with what consumers
// of a [flow.Sample] make of it.
func TestBucketIsThatOfLayout(t *testing.T) {
	for _, us := range []uint32{1, 2, 1000, 43_800, 1_000_000, 3_444_310_000} {
		counts := make([]uint32, len(tcpwhyFlow{}.Rtt.Counts))
		counts[wantRTTBucket(us)]++
		i := slices.Index(sample(uint64(us), counts).Counts, 1)
		require.LessOrEqual(t, float64(us), flow.RTTLayout.UpperBound(i))
		require.Greater(t, float64(us), flow.RTTLayout.UpperBound(i-1))
	}
	for _, bytes := range []uint32{1, 2, 3, 65535, 65536, 65537, 1 << 30} {
		counts := make([]uint32, len(tcpwhyFlow{}.SendWindow.Counts))
		counts[wantWindowBucket(bytes)]++
		i := slices.Index(sample(uint64(bytes), counts).Counts, 1)
		require.LessOrEqual(t, float64(bytes), flow.WindowLayout.UpperBound(i))
		require.Greater(t, float64(bytes), flow.WindowLayout.UpperBound(i-1))
	}
}

const bucketBatch = 4096

// newBucketRun loads the functions with the tables that [load] gives them.
func newBucketRun(t *testing.T) func(values []uint32) (rtts, windows [bucketBatch]uint8) {
	spec, err := bucket.LoadBucket()
	require.NoError(t, err)
	bounds := rttBounds()
	require.NoError(t, spec.Variables[bucket.BucketVarRttBounds].Set(bounds))
	require.NoError(t, spec.Variables[bucket.BucketVarRttSmall].Set(rttSmall(bounds)))
	require.NoError(t, spec.Variables[bucket.BucketVarRttGuess].Set(rttGuess(bounds)))
	var objects bucket.BucketObjects
	require.NoError(t, spec.LoadAndAssign(&objects, nil))
	t.Cleanup(func() { require.NoError(t, objects.Close()) })

	return func(values []uint32) (rtts, windows [bucketBatch]uint8) {
		var input [bucketBatch]uint32
		copy(input[:], values)
		require.NoError(t, objects.Values.Set(&input))
		frame := make([]byte, 14) // the least that a socket filter is run on
		result, _, err := objects.FindBuckets.Test(frame)
		require.NoError(t, err)
		require.EqualValues(t, bucketBatch, result)
		require.NoError(t, objects.RttBuckets.Get(&rtts))
		require.NoError(t, objects.WindowBuckets.Get(&windows))
		return rtts, windows
	}
}
