// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// A locality is a resource whose points are added up, with what is found out about it
// once for all its flows.
type locality struct {
	*local
	key        reduce.Key
	nameless   reduce.Key // of all but names, if a host is among that; else 0
	generation uint32     // changes with who is found there
	flows      int
}

func newLocality(directory identity.Directory, key reduce.Key, resource pcommon.Map, at uint64) *locality {
	own := pcommon.NewMap()
	resource.CopyTo(own)
	return &locality{local: newLocal(directory, own, at), key: key}
}

// refresh finds who is there now.
func (l *locality) refresh(directory identity.Directory, at uint64) {
	if id := directory.Local(l.query, at); id != l.id {
		l.id, l.end, l.told = id, l.describe(id), nil
		l.generation++
	}
}
