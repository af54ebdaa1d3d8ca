// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64)

package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/identity/static"
	"github.com/tcpwhy/tcpwhy/internal/names"
)

// The file has each pod by what its resource says, or names would be measured that nobody finds.
func TestShopIsKnown(t *testing.T) {
	table, err := static.Parse("identities.yaml", shopIdentities())
	require.NoError(t, err)
	for w := range shopWorkloads {
		for p := range shopPods {
			resource := pcommon.NewMap()
			newShop().local(resource, w, p)
			id, _ := resource.Get(names.ContainerID)
			known := table.Local(identity.Local{ContainerID: id.Str()})
			require.NotNil(t, known, id.Str())
			require.Equal(t, fmt.Sprintf("w%d-%d", w, p), known.Pod)
		}
	}
}
