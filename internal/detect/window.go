// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package detect

import "time"

// A Window is a span of data time of a fixed width: the one with number
// floor(time / width). It is what detectors call a tick.
type Window int64

// WindowOf returns the window that a time is in.
func WindowOf(t time.Time, width time.Duration) Window {
	ns, w := t.UnixNano(), int64(width)
	n := ns / w
	if ns%w < 0 {
		n--
	}
	return Window(n)
}

// Start is when the window begins.
func (w Window) Start(width time.Duration) time.Time { return time.Unix(0, int64(w)*int64(width)) }

// End is when the window ends, which is when the next one begins.
func (w Window) End(width time.Duration) time.Time { return (w + 1).Start(width) }
