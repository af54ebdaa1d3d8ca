// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import "fmt"

// lookEvery is how many sweeps pass between two looks at who holds listeners.
const lookEvery = 6

// heirs looks for who holds listeners that their owners gave away. The sweep hands them
// over.
type heirs struct {
	finder *finder
	next   uint32 // sweeps until the next look
}

// look looks before the first sweep, and then now and then.
func (h *heirs) look() error {
	if h.next > 0 {
		h.next--
		return nil
	}
	h.next = lookEvery - 1
	if err := h.finder.holders(); err != nil {
		return fmt.Errorf("find holders of listeners: %w", err)
	}
	return nil
}
