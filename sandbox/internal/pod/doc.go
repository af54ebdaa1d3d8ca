// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package pod is one instance of a service, a process of its own: it serves, calls others,
// and misbehaves when it is told to.
//
// It is told line by line, in JSON, on its standard input, answers each line with one on
// its standard output, and ends with its input.
package pod
