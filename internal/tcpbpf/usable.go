// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// usable asks for all that is done with maps later, while there is nothing in them: a filter
// of system calls may let them be made and nothing else, and who tries only shall know.
func (o *objects) usable() error {
	var slot uint32
	var progress tcpwhyProgress
	var owner tcpwhyOwner
	for what, err := range map[string]error{
		"read a map":             o.Progress.Lookup(&slot, &progress),
		"write to a map":         o.Progress.Put(&slot, &progress),
		"delete from a map":      o.Owners.Delete(&tcpwhyOwnerKey{}),
		"go through a map":       o.Owners.NextKey(nil, &tcpwhyOwnerKey{}),
		"take from a map":        o.Owners.LookupAndDelete(&tcpwhyOwnerKey{}, &owner),
		"drain a map":            o.drainable(),
		"ask what a program did": o.countable(),
	} {
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func (o *objects) drainable() error {
	_, err := o.ResetsEven.BatchLookupAndDelete(new(ebpf.MapBatchCursor), make([]tcpwhyResetKey, 1), make([]uint32, 1), nil)
	return err
}

func (o *objects) countable() error {
	for _, program := range o.programs {
		_, err := program.Stats()
		return err
	}
	return nil
}
