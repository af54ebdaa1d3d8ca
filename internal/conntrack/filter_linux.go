// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conntrack

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// eventFilter is run by the kernel on each event before it is queued: only connections
// of TCP that are translated pass. A look-up of an attribute gives its place, or 0.
func eventFilter() ([]bpf.RawInstruction, error) {
	const header = 4 // struct nlattr, before an attribute's value
	find := func(ext bpf.Extension, attribute uint32) []bpf.Instruction {
		return []bpf.Instruction{
			bpf.LoadConstant{Dst: bpf.RegX, Val: attribute},
			bpf.LoadExtension{Num: ext},
		}
	}
	const drop = 255 // stands for the way to the end
	var program []bpf.Instruction
	program = append(program, bpf.LoadConstant{Dst: bpf.RegA, Val: attributesAt})
	program = append(program, find(bpf.ExtNetlinkAttr, ctaStatus)...)
	program = append(program,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: drop},
		bpf.TAX{},
		bpf.LoadIndirect{Off: header, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: statusSrcNAT | statusDstNAT, SkipTrue: drop},
		bpf.LoadConstant{Dst: bpf.RegA, Val: attributesAt},
	)
	program = append(program, find(bpf.ExtNetlinkAttr, ctaTupleOrig)...)
	for _, nested := range []uint32{ctaTupleProto, ctaProtoNum} {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: drop})
		program = append(program, find(bpf.ExtNetlinkAttrNested, nested)...)
	}
	program = append(program,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: drop},
		bpf.TAX{},
		bpf.LoadIndirect{Off: header, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_TCP, SkipTrue: drop},
		bpf.RetConstant{Val: 1<<32 - 1},
		bpf.RetConstant{Val: 0},
	)
	for i, instruction := range program {
		if jump, ok := instruction.(bpf.JumpIf); ok {
			jump.SkipTrue = uint8(len(program) - 2 - i)
			program[i] = jump
		}
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble event filter: %w", err)
	}
	return raw, nil
}
