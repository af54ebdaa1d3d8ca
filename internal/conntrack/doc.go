// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package conntrack tells who is behind an address that this machine translates: it
// reads the kernel's connection tracking tables of every network namespace, and keeps
// the translated TCP connections of the last while in a bounded [Table].
//
// A [Watcher] is safe for concurrent use; a [Table] is not.
package conntrack
