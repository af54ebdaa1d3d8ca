// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

// Names of what fills up, other than sockets: of flows and their overflow there
// are two maps each, for odd and even epochs.
const (
	FillFlows    = "flows"
	FillOverflow = "overflow"
	FillOwners   = "owners"
)

// A Fill is how full a map was.
type Fill struct {
	Map     string
	Entries uint32
	Limit   uint32 // of entries
}

// Fills returns how full maps were when the last [Kernel.Collect] emptied them.
// Owners are counted with every sixth one, when dead ones are looked for.
func (k *Kernel) Fills() []Fill {
	return []Fill{
		{FillFlows, k.drain.flowsFill, k.objects.FlowsEven.MaxEntries()},
		{FillOverflow, k.drain.overflowFill, k.objects.OverflowEven.MaxEntries()},
		{FillOwners, k.owners.fill, k.objects.Owners.MaxEntries()},
	}
}
