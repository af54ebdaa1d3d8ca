// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package pod

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// congestion is the algorithm of all sockets, Linux' own default whatever the host's is.
// Which ones a namespace may have as its default is for the host to say; sockets of root
// may have any.
const congestion = "cubic"

// control sets up a new socket.
func control(raw syscall.RawConn, also func(fd int) error) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = errors.Join(unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion), also(int(fd)))
	})
	return errors.Join(err, failed)
}
