// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package flow turns what sockets did in one interval into cumulative series:
// it adds [Delta] after [Delta] to a bounded [Table] of flows, and says when a
// flow has ended.
//
// It knows neither BPF nor OpenTelemetry. A [Table] is not safe for concurrent
// use: one goroutine owns it.
package flow
