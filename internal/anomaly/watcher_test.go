// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/names"
)

// A data base outside of the cluster is a peer of its own, the Internet is one together.
func TestStrangersAreToldApartByPrivateAddresses(t *testing.T) {
	for _, test := range []struct{ kind, address, want string }{
		{names.KindUnknown, "10.0.0.1", "10.0.0.1"},
		{names.KindExternal, "192.168.7.1", "192.168.7.1"},
		{names.KindExternal, "fd00::1", "fd00::1"},
		{names.KindExternal, "1.1.1.1", "external"},
		{names.KindExternal, "", "external"}, // added up before
	} {
		attributes := pcommon.NewMap()
		attributes.PutStr(names.Destination.Kind, test.kind)
		attributes.PutStr(names.Destination.WorkloadKind, test.kind)
		putKnown(attributes, names.DestinationAddress, test.address)
		end := endIn(attributes, &names.Destination, "")
		assert.Equal(t, test.want, end.Workload.Name, test.address)
		assert.Equal(t, test.kind, end.Workload.Kind)
	}
}
