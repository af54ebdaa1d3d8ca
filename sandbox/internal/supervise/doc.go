// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package supervise keeps a shop running: it starts it, injects faults into it, tells its
// state, and takes it down with all that belongs to it. What it owns is written down before
// it is made, and a process of its own waits for a crash to remove that.
package supervise
