// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"hash/maphash"
	"net/netip"
)

// Keys of a pod in the indices. A nil pod has none; the zero address is none.

var seed = maphash.MakeSeed()

// hash stands for a UID or a container's id. Two have the same by chance once in 2^64.
func hash(id string) uint64 { return maphash.String(seed, id) }

func uidKeys(p *pod) []uint64 {
	if p == nil {
		return nil
	}
	keys := []uint64{hash(p.PodUID())}
	if m := p.rarely().mirror; m != "" && !p.HasUID(m) {
		keys = append(keys, hash(m))
	}
	return keys
}

func containerKeys(p *pod) []uint64 {
	if p == nil || p.container == 0 {
		return nil
	}
	keys := []uint64{p.container}
	for c := p.others(); c != nil; c = c.next {
		keys = append(keys, c.id)
	}
	return keys
}

func key4(p *pod) (k [4]byte) {
	if p != nil {
		k = p.v4
	}
	return k
}

func key6(p *pod) (k [16]byte) {
	if p != nil {
		k = p.v6
	}
	return k
}

func as4(a netip.Addr) (k [4]byte) {
	if a.IsValid() {
		k = a.As4()
	}
	return k
}

func as16(a netip.Addr) (k [16]byte) {
	if a.IsValid() {
		k = a.As16()
	}
	return k
}
