// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package capability

import (
	"fmt"
	"slices"
	"strings"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// A Capability is one of those that the kernel side uses.
type Capability cap.Value

// What the main job needs, and what buys more at start.
const (
	BPF           = Capability(cap.BPF)
	Perfmon       = Capability(cap.PERFMON)
	NetAdmin      = Capability(cap.NET_ADMIN)
	SysAdmin      = Capability(cap.SYS_ADMIN)
	SysPtrace     = Capability(cap.SYS_PTRACE)
	DACReadSearch = Capability(cap.DAC_READ_SEARCH)
)

// All are those above.
var All = []Capability{BPF, Perfmon, NetAdmin, SysAdmin, SysPtrace, DACReadSearch}

// String is the kernel's name.
func (c Capability) String() string { return strings.ToUpper(cap.Value(c).String()) }

// Held reports whether the calling thread may use it.
func (c Capability) Held() bool {
	set, err := cap.GetPID(0)
	if err != nil {
		return false
	}
	held, err := set.GetFlag(cap.Effective, cap.Value(c))
	return err == nil && held
}

// Held returns those that the calling thread may use.
func Held() []Capability {
	return slices.DeleteFunc(slices.Clone(All), func(c Capability) bool { return !c.Held() })
}

// Drop gives up those that are held, in all threads and for good, and returns them. It
// changes nothing where threads hold different ones: somebody else has seen to that.
func Drop(unwanted []Capability) (dropped []Capability, err error) {
	dropped = slices.DeleteFunc(slices.Clone(unwanted), func(c Capability) bool { return !c.Held() })
	if len(dropped) == 0 {
		return nil, nil
	}
	if err := alike(); err != nil {
		return nil, err
	}
	set, err := cap.GetPID(0)
	if err != nil {
		return nil, fmt.Errorf("read capabilities: %w", err)
	}
	for _, c := range dropped {
		for _, flag := range []cap.Flag{cap.Effective, cap.Permitted, cap.Inheritable} {
			if err := set.SetFlag(flag, false, cap.Value(c)); err != nil {
				return nil, fmt.Errorf("drop %s: %w", c, err)
			}
		}
	}
	if err := set.SetProc(); err != nil {
		return nil, fmt.Errorf("drop capabilities: %w", err)
	}
	return dropped, nil
}
