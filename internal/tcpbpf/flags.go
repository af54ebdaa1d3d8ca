// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"bytes"
	"fmt"
	"os"
)

// callbackFlags says why callbacks cannot be switched on for sockets that are there, nil
// if they can. The option belongs to an enumeration without a name, so the kernel's types
// are searched as text.
func callbackFlags() error {
	types, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	if err != nil {
		return fmt.Errorf("read kernel types: %w", err)
	}
	if !bytes.Contains(types, []byte("\x00"+needFlags+"\x00")) {
		return fmt.Errorf("the kernel has no %s, which came with Linux 6.12", needFlags)
	}
	return nil
}
