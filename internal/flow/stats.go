// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

// Stats are the sizes of a [Table] at its last [Table.Seal].
type Stats struct {
	Flows       int    // with a key of their own
	Overflows   int    // overflow flows
	Connections uint64 // open
}

// Stats returns the table's sizes.
func (t *Table) Stats() Stats {
	return Stats{
		Flows:       len(t.flows) - t.overflows,
		Overflows:   t.overflows,
		Connections: t.connections,
	}
}
