// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package node is what runs on each node of the shop, a process in the node's network
// namespace: it translates services' virtual addresses, and does to packets on their way
// to the node's pods what a fault wants. It is told as a pod is.
package node
