// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// drops tells a listener's overflows from what else counts as its drops. Its program runs
// for all that is dropped on the host, so it is attached with the first thing that a
// listener drops, and stays.
type drops struct {
	objects *objects
	plan    plan
	epoch   *epoch
	link    link.Link // nil as long as it is not attached
}

// look attaches the program if a listener has dropped anything.
func (d *drops) look() error {
	if d.link != nil || d.objects.programs[ProgramDrop] == nil {
		return nil
	}
	dropped, err := readStat(d.objects.Stats, tcpwhyStatSTAT_DROPPED)
	if err == nil && dropped > 0 {
		return d.attach()
	}
	return err
}

// attach lets the program run, and has all told since the next sweep. Others are told of
// it before: for a moment nobody tells what is no overflow, rather than two. What the
// kernel refuses the plan notes.
func (d *drops) attach() error {
	if err := d.publish(d.epoch.now.Sweep + 1); err != nil {
		return err
	}
	l, err := attachOne(d.objects.programs[ProgramDrop], "", ebpf.AttachTraceRawTp)
	if err != nil {
		d.plan.refuse(ProgramDrop, err)
		d.objects.drop(ProgramDrop)
		return d.publish(0)
	}
	d.link = l
	return nil
}

func (d *drops) publish(sweep uint32) error {
	d.epoch.now.Drops = sweep
	return d.epoch.publish()
}

// Close detaches.
func (d *drops) Close() error {
	if d.link == nil {
		return nil
	}
	return d.link.Close()
}
