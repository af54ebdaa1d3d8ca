// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// jiffy returns how many nanoseconds a jiffy has: that is how exact the coarse clocks
// are (KTIME_LOW_RES).
//
// https://github.com/torvalds/linux/blob/v6.8/kernel/time/posix-timers.c
func jiffy() (uint32, error) {
	var length unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &length); err != nil {
		return 0, fmt.Errorf("ask for the length of a jiffy: %w", err)
	}
	return uint32(length.Nano()), nil
}
