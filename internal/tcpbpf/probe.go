// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/tcpwhy/tcpwhy/internal/capability"
)

// A MissingError says what the machine lacks and how to get it.
type MissingError struct {
	What, Grant string
	Cause       error // what the kernel said; may be nil
}

// Error is one sentence.
func (e *MissingError) Error() string { return fmt.Sprintf("missing %s: %s", e.What, e.Grant) }

// Unwrap returns the cause.
func (e *MissingError) Unwrap() error { return e.Cause }

// Detail is all that the kernel said, the verifier's log included: many lines, for
// those who look for the reason. It may be empty.
func (e *MissingError) Detail() string {
	var verifier *ebpf.VerifierError
	switch {
	case e.Cause == nil:
		return ""
	case errors.As(e.Cause, &verifier):
		return fmt.Sprintf("%v\n%s", e.Cause, strings.Join(verifier.Log, "\n"))
	}
	return e.Cause.Error()
}

// probe finds what would make loading fail, in words that help.
func probe() error {
	if err := capabilities(); err != nil {
		return err
	}
	if err := room(); err != nil {
		return err
	}
	_, err := btf.LoadKernelSpec()
	return untyped(err)
}

// untyped says in one sentence why the kernel's types cannot be read, nil if they can.
func untyped(err error) error {
	switch {
	case err == nil:
	case errors.Is(err, os.ErrPermission):
		return &MissingError{"permission to read the kernel's type information (BTF)",
			"make /sys/kernel/btf/vmlinux readable: " + err.Error(), err}
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, os.ErrNotExist):
		return &MissingError{"the kernel's type information (BTF)",
			"run a kernel built with CONFIG_DEBUG_INFO_BTF=y, such as any distribution's since 2021", err}
	default:
		return fmt.Errorf("read the kernel's type information (BTF): %w", err)
	}
	return nil
}

// capabilities finds the one that is missing. CAP_SYS_ADMIN stands for two of them.
func capabilities() error {
	for _, c := range []capability.Capability{capability.BPF, capability.Perfmon, capability.NetAdmin} {
		if !c.Held() && (c == capability.NetAdmin || !capability.SysAdmin.Held()) {
			return &MissingError{"the capability " + c.String(),
				"run as root (sudo make run), or grant it: setcap cap_bpf,cap_perfmon,cap_net_admin=ep <binary>", nil}
		}
	}
	return nil
}
