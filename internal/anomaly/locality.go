// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// A locality is a resource whose points are added up, with what is found out about it
// once for all its flows.
type locality struct {
	*local
	key        reduce.Key
	nameless   reduce.Key // of all but names, if those tell a process; else 0
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
		l.become(directory, id, at)
		l.generation++
	}
}

// aProcess tells whether a resource is one process or container of a host, as a receiver tells it: names add
// nothing to what it is known by. Of what an agent added up they are all there is.
func aProcess(resource pcommon.Map) bool {
	_, process := resource.Get(names.ProcessPID)
	return text(resource, names.HostName) != "" && (process || text(resource, names.ContainerID) != "")
}
