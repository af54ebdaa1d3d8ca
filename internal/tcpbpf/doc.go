// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package tcpbpf loads the kernel side of tcpwhy, attaches it and hands out what
// TCP sockets did, flow by flow and interval by interval.
//
// It is the only importer of cilium/ebpf. A [Kernel] is not safe for concurrent
// use: one goroutine owns it. Nothing is pinned: when the process dies, however
// it dies, the kernel detaches and frees everything.
package tcpbpf
