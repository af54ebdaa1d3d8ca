// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package view is the console in a terminal: the shop's services, the faults that were
// injected, the problems that a collector tells of; and a menu to inject more.
package view
