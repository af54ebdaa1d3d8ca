// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

const (
	mapEvents = "events" // the ring buffer
	mapConns  = "conns"  // records in sockets
)

// objects are the maps, and the programs that the kernel took.
type objects struct {
	tcpwhyMaps
	programs map[string]*ebpf.Program
}

// create makes the maps, and then each program by itself. What the kernel refuses of
// them the plan notes; without a main job that is an error.
func create(spec *ebpf.CollectionSpec, p plan) (_ *objects, err error) {
	types := btf.NewCache() // the kernel's, read once for all programs
	maps, err := createMaps(spec, p)
	if err != nil {
		return nil, refused(err, release())
	}
	defer maps.Close()
	o := &objects{programs: make(map[string]*ebpf.Program)}
	defer func() {
		if err != nil {
			_ = o.Close()
		}
	}()
	for _, known := range programs {
		if o.programs[known.spares] != nil {
			continue
		}
		program, err := createOne(subset(spec, known.name), ebpf.CollectionOptions{MapReplacements: maps.Maps, Cache: types})
		if err == nil && known.attach == ebpf.AttachTraceIter {
			program, err = iterating(program, maps.Maps[known.over])
		}
		if err != nil {
			p.refuse(known.name, err)
			continue
		}
		o.programs[known.name] = program
	}
	if err := p.impossible(); err != nil {
		return nil, refused(err, release())
	}
	if err := maps.Assign(&o.tcpwhyMaps); err != nil {
		return nil, fmt.Errorf("find maps: %w", err)
	}
	if err := o.usable(); err != nil {
		return nil, refused(err, release())
	}
	return o, nil
}

// createMaps makes all maps. An event buffer that is too large becomes a small one: what
// finds no room in it is counted.
func createMaps(spec *ebpf.CollectionSpec, p plan) (*ebpf.Collection, error) {
	events, err := ebpf.NewMap(spec.Maps[mapEvents])
	if err != nil {
		p.refuse(needBuffer, fmt.Errorf("create %d bytes: %w", spec.Maps[mapEvents].MaxEntries, err))
		spec.Maps[mapEvents].MaxEntries = uint32(os.Getpagesize())
		return ebpf.NewCollection(subset(spec, ""))
	}
	defer events.Close()
	return ebpf.NewCollectionWithOptions(subset(spec, ""), ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{mapEvents: events}})
}

// iterating returns a program that can be attached and opened, as it is later: else what
// stands in for it is to be made. Nothing runs before it is read.
func iterating(program *ebpf.Program, over *ebpf.Map) (*ebpf.Program, error) {
	it, err := link.AttachIter(link.IterOptions{Program: program, Map: over})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("attach iterator: %w", err), program.Close())
	}
	defer it.Close()
	r, err := it.Open()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open iterator: %w", err), program.Close())
	}
	_ = r.Close()
	return program, nil
}

// createOne makes the only program of spec, on maps that are there.
func createOne(spec *ebpf.CollectionSpec, options ebpf.CollectionOptions) (*ebpf.Program, error) {
	one, err := ebpf.NewCollectionWithOptions(spec, options)
	if err != nil {
		return nil, err
	}
	defer one.Close()
	for name := range one.Programs { // of which there is one
		return one.DetachProgram(name), nil
	}
	return nil, fmt.Errorf("find program: %w", ebpf.ErrKeyNotExist)
}

// subset returns a copy of spec with one of its programs, or none.
func subset(spec *ebpf.CollectionSpec, program string) *ebpf.CollectionSpec {
	spec = spec.Copy()
	for name := range spec.Programs {
		if name != program {
			delete(spec.Programs, name)
		}
	}
	return spec
}

// drop frees a program that cannot run.
func (o *objects) drop(name string) {
	if program := o.programs[name]; program != nil {
		_ = program.Close()
		delete(o.programs, name)
	}
}

// Close frees all. What is attached stays so until it is detached.
func (o *objects) Close() error {
	err := o.tcpwhyMaps.Close()
	for _, program := range o.programs {
		if e := program.Close(); err == nil {
			err = e
		}
	}
	return err
}
