// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package identity

import "github.com/google/uuid"

// ParseUID returns the UUID that an object's UID is: the API server makes such ones. Other text,
// if only because it is written in another way, is none.
func ParseUID(uid string) (id uuid.UUID, ok bool) {
	const canonical = 36
	if len(uid) != canonical {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(uid)
	if err != nil || id == uuid.Nil {
		return uuid.Nil, false
	}
	for i := range uid {
		if 'A' <= uid[i] && uid[i] <= 'F' {
			return uuid.Nil, false
		}
	}
	return id, true
}

// PodUID returns the UID of a pod, or "". It allocates.
func (id *Identity) PodUID() string {
	if id.PodUUID == uuid.Nil {
		return id.OtherUID
	}
	return id.PodUUID.String()
}

// HasUID tells whether a UID is the pod's. It allocates nothing.
func (id *Identity) HasUID(uid string) bool {
	if parsed, ok := ParseUID(uid); ok {
		return parsed == id.PodUUID
	}
	return id.PodUUID == uuid.Nil && uid == id.OtherUID
}
