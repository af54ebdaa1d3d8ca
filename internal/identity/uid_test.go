// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// Every UID comes back as it was, and is the only one that the pod has.
func TestUID(t *testing.T) {
	all := []string{
		"", "uid-of-cart", "0123456789abcdef0123456789abcdef",
		"8d7dd7d8-5b2f-4c3e-9a7e-0123456789ab", "8d7dd7d8-5b2f-4c3e-9a7e-0123456789ac", "8D7DD7D8-5b2f-4c3e-9a7e-0123456789ab",
		"{d7dd7d8-5b2f-4c3e-9a7e-0123456789ab}", "8d7dd7d85b2f4c3e9a7e0123456789ab", "00000000-0000-0000-0000-000000000000",
		"urn:uuid:8d7dd7d8-5b2f-4c3e-9a7e-012345", "8d7dd7d8-5b2f-4c3e-9a7e-0123456789ag", "8d7dd7d8_5b2f_4c3e_9a7e_0123456789ab",
	}
	for _, uid := range all {
		id := &Identity{Common: &Common{}}
		if parsed, ok := ParseUID(uid); ok {
			id.PodUUID = parsed
		} else {
			id.Common = &Common{OtherUID: uid}
		}
		require.Equal(t, uid, id.PodUID())
		for _, other := range all {
			require.Equal(t, other == uid, id.HasUID(other), "%q has %q", uid, other)
		}
		require.Zero(t, testing.AllocsPerRun(100, func() { id.HasUID(all[3]) }))
	}
	made := uuid.NewString()
	parsed, ok := ParseUID(made)
	require.True(t, ok)
	require.Equal(t, made, parsed.String())
}
