// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package tcpbpf

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// descriptors are as many as loading and attaching takes at most, and some to spare.
const descriptors = 128

// room wants that many to be free. Without one in the middle of loading, what the library
// says is that the kernel is too old: it has tried something that could not be tried.
func room() error {
	taken := make([]int, 0, descriptors)
	defer func() {
		for _, fd := range taken {
			_ = unix.Close(fd)
		}
	}()
	for range descriptors {
		fd, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return noRoom(len(taken), err)
		}
		taken = append(taken, fd)
	}
	return nil
}

func noRoom(free int, err error) error {
	var limit unix.Rlimit
	if !errors.Is(err, unix.EMFILE) || unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return fmt.Errorf("reserve %d file descriptors: %w", descriptors, err)
	}
	return &MissingError{fmt.Sprintf("%d free file descriptors, of which there are %d", descriptors, free),
		fmt.Sprintf("raise the limit of open files (ulimit -n, LimitNOFILE=), which is %d", limit.Cur), err}
}
