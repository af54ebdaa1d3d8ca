// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// drops tells RSTs from a listener's overflows. Its program runs for all that is dropped
// on the host, so it is attached with the first thing that a listener drops, and stays.
type drops struct {
	objects *objects
	plan    plan
	link    link.Link // nil as long as it is not attached
}

// look attaches the program if a listener has dropped anything.
func (d *drops) look() error {
	if d.link != nil || d.objects.programs[ProgramDrop] == nil {
		return nil
	}
	dropped, err := readStat(d.objects.Stats, tcpwhyStatSTAT_DROPPED)
	if err == nil && dropped > 0 {
		d.attach()
	}
	return err
}

// attach lets the program run. What the kernel refuses the plan notes.
func (d *drops) attach() {
	l, err := attachOne(d.objects.programs[ProgramDrop], "", ebpf.AttachTraceRawTp)
	if err != nil {
		d.plan.refuse(ProgramDrop, err)
		d.objects.drop(ProgramDrop)
		return
	}
	d.link = l
}

// Close detaches.
func (d *drops) Close() error {
	if d.link == nil {
		return nil
	}
	return d.link.Close()
}
