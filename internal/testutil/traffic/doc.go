// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package traffic runs real TCP applications that know what they did: how many
// bytes each end wrote and read, and how each connection ended. It is the truth
// against which counters are compared.
//
// A [Scenario] is what the two ends of one connection do. It runs in the test's
// own process ([Path.Run]) or between processes that it starts ([Start]).
package traffic
