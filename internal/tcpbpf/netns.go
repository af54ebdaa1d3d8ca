// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// enterable says what keeps us out of other network namespaces, nil if nothing does. It
// enters the own one, which needs as much.
func enterable() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer own.Close()
	if err := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("%s needs CAP_SYS_ADMIN: %w", needNamespaces, err)
	}
	held, err := effective()
	if err == nil && held>>unix.CAP_SYS_PTRACE&1 == 0 {
		err = errors.New("finding those of other users' processes needs CAP_SYS_PTRACE")
	}
	return err
}
