// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package protocol speaks what the shop's services speak, by the libraries that real
// services use, as client and as server. A message is bytes that say how many bytes the
// answer is to have.
package protocol
