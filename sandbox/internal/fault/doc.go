// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package fault is the catalogue of what can go wrong in the shop: how it is done, and what
// a good observer of TCP is expected to say about it, which may be nothing.
package fault
