// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"net/netip"
	"sync/atomic"

	"github.com/tcpwhy/tcpwhy/internal/identity"
)

// An openDirectory is one that has to be closed.
type openDirectory interface {
	identity.Directory
	Close() error
}

// A countingDirectory counts whom it does not know.
type countingDirectory struct {
	openDirectory
	unresolved atomic.Uint64
}

// Remote returns who had an address at a time (ns since 1970), never nil.
func (d *countingDirectory) Remote(address netip.Addr, port uint16, at uint64) *identity.Identity {
	id := d.openDirectory.Remote(address, port, at)
	if id.Kind == identity.KindUnknown {
		d.unresolved.Add(1)
	}
	return id
}
