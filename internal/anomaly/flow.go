// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package anomaly

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tcpwhy/tcpwhy/internal/engine"
	"github.com/tcpwhy/tcpwhy/internal/identity"
	"github.com/tcpwhy/tcpwhy/internal/names"
	"github.com/tcpwhy/tcpwhy/internal/reduce"
)

// A flow is what the data points of one flow have in common, with who is at its ends.
type flow struct {
	reduce.Flow
	key        reduce.Key
	called     reduce.Key // of the names among its attributes
	locality   *locality
	attributes pcommon.Map // as they came
	role       string
	peer       peer

	// Who its ends were when that was last looked up.
	resolved   uint64 // ns since 1970
	generation uint32 // of the locality
	source     end
	byAddress  *identity.Identity
	found      finding
	watched    *engine.Flow // nil until it is needed
	places     []*place     // by selection; nil until it is needed
}

func newFlow(key reduce.Key, l *locality, attributes pcommon.Map, selections int) *flow {
	f := &flow{key: key, locality: l, places: make([]*place, selections)}
	f.Label = f
	f.describe(attributes)
	l.flows++
	return f
}

// describe reads what the attributes of a point say of the flow.
func (f *flow) describe(attributes pcommon.Map) {
	f.attributes = pcommon.NewMap()
	for name, value := range attributes.All() {
		if ofFlow(name) {
			value.CopyTo(f.attributes.PutEmpty(name))
		}
	}
	f.role = text(f.attributes, names.HandshakeRole)
	f.peer = readPeer(f.attributes)
}

// resolve finds who the ends were at a time (ns since 1970). If somebody else is there
// than before, the flow's points belong elsewhere from now on.
func (f *flow) resolve(directory identity.Directory, at uint64) (moved bool) {
	source, byAddress := f.locality.at(directory, f.peer.source, at)
	found := f.peer.find(directory, at)
	moved = f.resolved == 0 || f.generation != f.locality.generation || byAddress != f.byAddress || found != f.found
	f.resolved, f.generation = at, f.locality.generation
	if moved {
		f.source, f.byAddress, f.found = *source, byAddress, found
		f.Generation++
	}
	return moved
}

// before returns the flow as it was at a time (ns since 1970), by a point of then; it is the same one if
// everybody is where they were.
func (f *flow) before(directory identity.Directory, at uint64, l *locality, called reduce.Key, attributes pcommon.Map) *flow {
	then := &flow{key: f.key, locality: l, called: called, places: make([]*place, len(f.places))}
	if l == f.locality && called == f.called {
		then.attributes, then.role, then.peer = f.attributes, f.role, f.peer
		then.resolved, then.generation = f.resolved, f.generation
		then.byAddress, then.found = f.byAddress, f.found
	} else {
		then.describe(attributes)
	}
	if !then.resolve(directory, at) {
		return f
	}
	return then
}
