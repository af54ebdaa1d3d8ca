// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// jiffyPatience is how long a jiffy is measured: 5 at the lowest rate there is.
const jiffyPatience = 50 * time.Millisecond

// measureJiffy returns how many nanoseconds a jiffy has. The kernel's configuration
// says so too, where it is to be found; its clock can always be asked.
func measureJiffy() (uint32, error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "tcpwhy_jiffies", Type: ebpf.SocketFilter, License: "GPL",
		Instructions: asm.Instructions{asm.FnJiffies64.Call(), asm.Return()},
	})
	if err != nil {
		return 0, fmt.Errorf("load clock: %w", err)
	}
	defer p.Close()
	first, begin, err := nextJiffy(p)
	if err != nil {
		return 0, err
	}
	time.Sleep(jiffyPatience)
	last, end, err := nextJiffy(p)
	if err != nil {
		return 0, err
	}
	return jiffyOf(end.Sub(begin) / time.Duration(last-first)), nil
}

// nextJiffy returns the number of a jiffy and when it began.
func nextJiffy(p *ebpf.Program) (uint32, time.Time, error) {
	packet := make([]byte, 14) // the shortest that the kernel takes
	var before uint32
	for i := 0; ; i++ {
		now, _, err := p.Test(packet)
		if err != nil {
			return 0, time.Time{}, fmt.Errorf("run clock: %w", err)
		}
		if i > 0 && now != before {
			return now, time.Now(), nil
		}
		before = now
	}
}

// jiffyOf is the length of a jiffy of the nearest rate that kernels are built with.
//
// https://github.com/torvalds/linux/blob/v6.8/kernel/Kconfig.hz
func jiffyOf(measured time.Duration) uint32 {
	best := time.Second
	for _, rate := range []time.Duration{100, 250, 300, 1000, 24, 48, 128, 256, 512, 1024, 1200} {
		if length := time.Second / rate; (measured - length).Abs() < (measured - best).Abs() {
			best = length
		}
	}
	return uint32(best)
}
