// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package netns gives a test network namespaces of its own, held by a file
// descriptor only: nothing is mounted, so nothing stays behind when a test
// fails or is killed.
//
// Importing it pins the process's main thread to the main goroutine. Tests run
// on other goroutines, therefore no namespace is ever entered on the thread
// that /proc/self stands for.
package netns
