// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEarliestWaiting has pods come, come again at another time, and go, and looks at all of them
// each time.
func TestEarliestWaiting(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var w waiting
	w.init()
	all := map[string]int64{}
	for range 10_000 {
		uid := strconv.Itoa(random.IntN(20))
		if since := random.Int64N(50); random.IntN(2) == 0 {
			w.wait(uid, since)
			all[uid] = since
		} else {
			w.done(uid)
			delete(all, uid)
		}
		earliest := int64(forever)
		for _, since := range all {
			earliest = min(earliest, since)
		}
		require.Equal(t, earliest, w.earliest.Load())
	}
}
