// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package capability

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// alike returns an error if threads of this process hold different capabilities. To set
// the same ones in all would succeed in some only, which the Go runtime does not survive.
func alike() error {
	files, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	first := ""
	for _, file := range files {
		status, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return fmt.Errorf("read capabilities of threads: %w", err)
		}
		held := capabilityLines(string(status))
		if first == "" {
			first = held
		}
		if held != first {
			return errors.New("threads of this process hold different capabilities")
		}
	}
	return nil
}

// capabilityLines are what a thread has and may have.
func capabilityLines(status string) string {
	var lines []string
	for line := range strings.Lines(status) {
		if strings.HasPrefix(line, "CapInh:") || strings.HasPrefix(line, "CapPrm:") || strings.HasPrefix(line, "CapEff:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
