// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConvert(t *testing.T) {
	md := parse(t, `resource {host.name=h}
tcp.flow.receive_window exponential delta
  {a=1} 5s..10s sum 700000 scale 0 zero 3 offset 7 [1 0 0 0 0 0 0 0 0 0 0 0 2]
  {a=2} 5s..10s none
tcp.flow.rtt exponential cumulative
  {} 5s..10s sum 1 scale 30 zero 0 offset 0 [1]   # no scale of OTLP's: it stays
`)
	convert(md.ResourceMetrics().At(0))
	assert.Equal(t, `resource {host.name=h}
tcp.flow.receive_window histogram delta
  {a=1} 5s..10s sum 700000 bounds [0 256 512 1024 2048 4096 8192 16384 32768 65536 131072 262144 524288 1.048576e+06 2.097152e+06 4.194304e+06 8.388608e+06 1.6777216e+07 3.3554432e+07 6.7108864e+07 1.34217728e+08 2.68435456e+08] counts [3 1 0 0 0 0 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0 0 0]
  {a=2} 5s..10s none
tcp.flow.rtt exponential cumulative
  {} 5s..10s sum 1 scale 30 zero 0 offset 0 [1]
`, write(md))
}
