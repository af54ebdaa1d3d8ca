// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

func TestWindowOf(t *testing.T) {
	const width = 10 * time.Second
	for _, c := range []struct {
		at   int64 // ns
		want detect.Window
	}{
		{0, 0}, {int64(width) - 1, 0}, {int64(width), 1}, {-1, -1}, {-int64(width), -1}, {-int64(width) - 1, -2},
	} {
		w := detect.WindowOf(time.Unix(0, c.at), width)
		assert.Equal(t, c.want, w, "%d ns", c.at)
		assert.False(t, time.Unix(0, c.at).Before(w.Start(width)))
		assert.True(t, time.Unix(0, c.at).Before(w.End(width)))
	}
}
