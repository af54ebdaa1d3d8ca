// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/tcpwhy/tcpwhy/internal/capability"
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
		return fmt.Errorf("%s needs %s: %w", needNamespaces, capability.SysAdmin, err)
	}
	if !capability.SysPtrace.Held() {
		return fmt.Errorf("finding those of other users' processes needs %s", capability.SysPtrace)
	}
	return nil
}
