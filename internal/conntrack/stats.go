// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package conntrack

// Stats are what a watcher says of itself; what counts began with it.
type Stats struct {
	Entries    int
	Namespaces int    // that are read
	Closed     int    // where connections are tracked, but not read: there are too many
	Denied     int    // that cannot be entered, whether connections are tracked there or not
	Overruns   uint64 // times that the kernel had no room for events
	Malformed  uint64 // messages
	Refused    uint64 // entries without room
}
