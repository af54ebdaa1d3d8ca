// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package capability tells which Linux capabilities this process holds, and gives
// some of them up for good. Capabilities belong to threads: [Drop] reaches all.
package capability
