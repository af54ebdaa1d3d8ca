// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// The oldest kernel that has all that the programs use.
const oldestMajor, oldestMinor = 6, 1

// refused says in one sentence why the kernel did not take our maps and programs.
// That is decided by trying: the release only helps to name the reason.
func refused(err error, release string) error {
	var verifier *ebpf.VerifierError
	switch {
	case old(release):
		return &MissingError{fmt.Sprintf("Linux %d.%d or newer", oldestMajor, oldestMinor),
			fmt.Sprintf("boot a newer kernel, this is %s", release), err}
	case errors.Is(err, unix.EPERM):
		return &MissingError{"permission to load BPF programs",
			"allow the system call bpf, which a seccomp profile or a security module forbids", err}
	case errors.As(err, &verifier):
		return &MissingError{"a kernel whose verifier accepts the BPF programs",
			fmt.Sprintf("boot another one than %s, and report the verifier's log, which the log level debug shows", release), err}
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, btf.ErrNotFound):
		return &MissingError{"a part of the kernel that the BPF programs use",
			fmt.Sprintf("boot a kernel with it, such as any distribution's from %d.%d on: %v", oldestMajor, oldestMinor, err), err}
	}
	return fmt.Errorf("load programs: %w", err)
}

// old reports whether a release is older than any that can run the programs. One
// that cannot be read is not.
func old(release string) bool {
	var major, minor int
	n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor)
	return n == 2 && (major < oldestMajor || major == oldestMajor && minor < oldestMinor)
}

// release is the running kernel's, such as "6.1.0-40-cloud-amd64".
func release() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "of unknown release"
	}
	return unix.ByteSliceToString(name.Release[:])
}
