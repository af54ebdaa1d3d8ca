// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tcpwhy/tcpwhy/internal/detect"
)

func TestThreshold(t *testing.T) {
	assert.InDelta(t, 18.3, detect.Threshold(10_000, 10*time.Second, 1), 0.05)
	assert.InDelta(t, 16, detect.Threshold(1, 10*time.Second, 1e-3), 0.05)
	assert.Equal(t, 12., detect.Threshold(0, time.Minute, 10), "never so low that noise decides")
	assert.Equal(t, 30., detect.Threshold(1<<30, time.Second, 1e-6), "never so high that nothing does")
}
