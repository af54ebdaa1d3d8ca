// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"net/netip"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// Local returns who an observed end was at a time (ns since 1970), or nil: by container, by pod, by
// address, and, outside of pods, by the node's name.
func (s *Store) Local(end identity.Local, at uint64) *identity.Identity {
	return s.local(&end, int64(at))
}

func (s *Store) local(end *identity.Local, at int64) *identity.Identity {
	if end.ContainerID != "" {
		if p := s.byContainer(hash(end.ContainerID)); p != nil {
			return &p.Identity
		}
	}
	if end.PodUID != "" {
		if p := s.byUID(end.PodUID); p != nil {
			return &p.Identity
		}
	}
	if end.Address.IsValid() {
		if p, _ := s.byAddress(end.Address, at); p != nil {
			return &p.Identity
		}
		if id, _ := s.nodes.find(end.Address, 0, at); id != nil {
			return id
		}
	}
	if end.ContainerID == "" && end.PodUID == "" {
		return (*s.nodeNames.Load())[end.HostName]
	}
	return nil
}

// ContainerName is that of [identity.Directory].
func (s *Store) ContainerName(id string) string {
	k := hash(id)
	if p := s.byContainer(k); p != nil {
		return p.nameOf(k)
	}
	return ""
}

// Remote returns who had an address at a time (ns since 1970), or nil: a pod, a service at its port, a
// node. Of a pod in its node's network only the node is known. An address that is the
// cluster's is somebody's there, even if it cannot be told whose.
func (s *Store) Remote(address netip.Addr, port uint16, at uint64) *identity.Identity {
	return s.remote(address, port, int64(at))
}

func (s *Store) remote(address netip.Addr, port uint16, at int64) *identity.Identity {
	if !address.IsValid() {
		return nil
	}
	p, ofPod := s.byAddress(address, at)
	if p != nil {
		return &p.Identity
	}
	id, ofService := s.services.find(address, port, at)
	if id != nil {
		return id
	}
	id, ofNode := s.nodes.find(address, 0, at)
	if id != nil {
		return id
	}
	if ofPod || ofService || ofNode {
		return identity.Unknown // who had it cannot be told
	}
	return nil
}
