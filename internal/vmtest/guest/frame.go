// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// A guest has one stream for all output. Marks stand on lines of their own that
// begin with a character which no text has.
const (
	markBegin = "\x1ebegin %d\n"
	markEnd   = "\n\x1eend %d %d\n"
	markDone  = "\x1edone %d\n"
)

// MarkBegin tells the reader that a command of the plan begins to write.
func MarkBegin(w io.Writer, command int) error {
	_, err := fmt.Fprintf(w, markBegin, command)
	return err
}

// MarkEnd tells the reader that the command has ended, after which time. The
// output before it need not end a line.
func MarkEnd(w io.Writer, code int, after time.Duration) error {
	_, err := fmt.Fprintf(w, markEnd, code, after)
	return err
}

// MarkDone tells the reader that all commands have ended, and the taint of the
// kernel, see Documentation/admin-guide/tainted-kernels.rst.
func MarkDone(w io.Writer, taint uint64) error {
	_, err := fmt.Fprintf(w, markDone, taint)
	return err
}

// A Listener takes what the guest writes.
type Listener interface {
	// Begin returns the writer for the output of one of the plan's commands.
	Begin(command int) io.Writer
	// End comes after the output.
	End(command, code int, after time.Duration)
}

// errSilent is a stream's end before its last mark: the guest died.
var errSilent = errors.New("guest ended before its tests")

// read gives a guest's output to the listener, until all is done.
func read(r io.Reader, l Listener) (taint uint64, err error) {
	s := stream{listener: l}
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadBytes('\n')
		if done, errLine := s.line(line); done || errLine != nil {
			return s.taint, errLine
		}
		switch {
		case errors.Is(err, io.EOF):
			return 0, errSilent
		case err != nil:
			return 0, fmt.Errorf("read output of guest: %w", err)
		}
	}
}

type stream struct {
	listener Listener
	running  bool
	command  int
	out      io.Writer
	blank    bool // a line was held back, which belongs to the mark that may follow
	taint    uint64
}

func (s *stream) line(line []byte) (done bool, err error) {
	var code int
	var after time.Duration
	switch {
	case scan(line, markBegin, &s.command):
		s.running, s.out = true, s.listener.Begin(s.command)
		return false, nil
	case scan(line, markEnd[1:], &code, &after):
		s.listener.End(s.command, code, after)
		s.running, s.blank = false, false
		return false, nil
	case scan(line, markDone, &s.taint):
		return true, nil
	case !s.running:
		return false, nil
	}
	return false, s.pass(line)
}

func (s *stream) pass(line []byte) error {
	if s.blank {
		s.blank = false
		line = append([]byte{'\n'}, line...)
	}
	if bytes.HasSuffix(line, []byte("\n")) {
		line, s.blank = line[:len(line)-1], true
	}
	_, err := s.out.Write(line)
	return err
}

func scan(line []byte, mark string, values ...any) bool {
	if len(line) == 0 || line[0] != '\x1e' {
		return false
	}
	n, err := fmt.Sscanf(string(line), mark, values...)
	return err == nil && n == len(values)
}
