// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bytes"
	"io"
)

// A prefixer writes whole lines and tells in each where it comes from: guests write
// beside each other.
type prefixer struct {
	prefix string
	out    io.Writer
	rest   []byte // of a line without end
}

func (p *prefixer) Write(text []byte) (int, error) {
	p.rest = append(p.rest, text...)
	end := bytes.LastIndexByte(p.rest, '\n') + 1
	if end == 0 {
		return len(text), nil
	}
	var lines []byte
	for line := range bytes.Lines(p.rest[:end]) {
		lines = append(append(lines, p.prefix...), line...)
	}
	p.rest = append([]byte(nil), p.rest[end:]...)
	_, err := p.out.Write(bytes.ReplaceAll(lines, []byte{'\x16'}, nil)) // which is for test2json
	return len(text), err
}
