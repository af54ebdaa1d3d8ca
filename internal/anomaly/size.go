// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// What OTLP takes on the wire besides texts and buckets, or a little more.
const (
	sizeOfPoint     = 64 // times, value, count, sum
	sizeOfAttribute = 16
	sizeOfBucket    = 16 // with its bound
	sizeOfScope     = 256
)

// sizeOf is what an output takes on the wire, or a little more.
func sizeOf(o *reduce.Output) int {
	s := o.Label.(*series)
	return sizeOfPoint + s.size + sizeOfAttributes(s.split) + sizeOfBucket*o.Buckets()
}

func sizeOfHead(m *metric) int {
	return sizeOfAttribute + len(m.Name) + len(m.Unit) + len(m.Description)
}

func sizeOfAttributes(attributes pcommon.Map) (size int) {
	for name, value := range attributes.All() {
		size += sizeOfAttribute + len(name)
		switch value.Type() {
		case pcommon.ValueTypeStr:
			size += len(value.Str())
		case pcommon.ValueTypeBytes:
			size += value.Bytes().Len()
		case pcommon.ValueTypeMap, pcommon.ValueTypeSlice:
			size += 2 * len(value.AsString())
		}
	}
	return size
}
