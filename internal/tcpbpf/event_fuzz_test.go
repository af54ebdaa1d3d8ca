// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tcpwhy/tcpwhy/internal/flow"
)

// FuzzDecodeEvent decodes an event from whatever bytes.
func FuzzDecodeEvent(f *testing.F) {
	for kind := range uint8(flow.NumEventKinds) {
		b, err := binary.Append(nil, binary.NativeEndian, &tcpwhyEvent{Time: 1e9, Age: 1000, Bytes: [2]uint64{1, 2}, Kind: kind, Reason: 2})
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add(bytes.Repeat([]byte{0xff}, binary.Size(tcpwhyEvent{})))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r tcpwhyEvent
		fill(t, &r, b)
		e := decodeEvent(&r)

		require.Equal(t, decodeKey(&r.Key), e.Key)
		require.Equal(t, [3]uint64{r.Time, r.Bytes[0], r.Bytes[1]}, [3]uint64{e.Time, e.Bytes[0], e.Bytes[1]})
		require.Equal(t, r.Age*1000, uint64(e.Age/time.Nanosecond))
		require.Equal(t, r.Retransmits, e.Retransmits)
		require.EqualValues(t, r.Kind, e.Kind)
		if e.Kind == flow.EventReset {
			require.EqualValues(t, r.Reason, e.Close)
			require.Zero(t, e.Failure)
		} else {
			require.EqualValues(t, r.Reason, e.Failure)
			require.Zero(t, e.Close)
		}
	})
}
