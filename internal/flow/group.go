// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package flow

// A Group is the flows of one owner.
type Group struct {
	Owner Owner
	Flows []*Flow

	known bool // Owner was asked for
}
