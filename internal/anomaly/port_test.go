// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// What is no port is none, not the one that is left of it in 16 bits: that is somebody else's Service.
func TestPortOf(t *testing.T) {
	for port, want := range map[int64]uint16{0: 0, 5432: 5432, 65535: 65535, 65536: 0, 65536 + 5432: 0, -1: 0} {
		assert.Equal(t, want, portOf(pcommon.NewValueInt(port)), port)
	}
	assert.Zero(t, portOf(pcommon.NewValueStr("5432")))
}
