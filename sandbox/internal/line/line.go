// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package line carries JSON between a process and its master, a line a message: each
// message that is read is answered by one.
package line

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// longest is the longest line that is read, in bytes.
const longest = 4 << 20

// Answer reads messages until the input ends and answers each.
func Answer[Message, Reply any](in io.Reader, out io.Writer, answer func(Message) Reply) error {
	lines, encoder := bufio.NewScanner(in), json.NewEncoder(out)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		var message Message
		if err := json.Unmarshal(lines.Bytes(), &message); err != nil {
			return fmt.Errorf("read message: %w", err)
		}
		if err := encoder.Encode(answer(message)); err != nil {
			return fmt.Errorf("write reply: %w", err)
		}
	}
	return lines.Err()
}

// Ask sends a message and reads the reply.
func Ask[Message, Reply any](out io.Writer, in *bufio.Reader, message Message) (reply Reply, err error) {
	if err := json.NewEncoder(out).Encode(message); err != nil {
		return reply, fmt.Errorf("write message: %w", err)
	}
	raw, err := in.ReadBytes('\n')
	if err != nil {
		return reply, fmt.Errorf("read reply: %w", errors.Join(err))
	}
	if err := json.Unmarshal(raw, &reply); err != nil {
		return reply, fmt.Errorf("read reply: %w", err)
	}
	return reply, nil
}
