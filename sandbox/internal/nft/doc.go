// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package nft changes the packet filter of the network namespace that the process is in:
// rules as text, by the nft command, and those that hand packets to user space.
package nft
