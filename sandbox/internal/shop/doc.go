// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package shop is the plan of the drill's shop: who is there, where it runs, under which
// address, and who calls whom. It does nothing; the same plan comes out each time.
package shop
