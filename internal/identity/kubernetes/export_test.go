// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import "time"

// Tell is how tests name an identity, those from outside too.
var Tell = tell

// InGap tells whether a time is in a gap of a source's pods, InGapOfServices of its services.
func InGap(s *Source, at time.Time) bool { return s.cluster.gaps.has(at.UnixNano()) }

// InGapOfServices is above.
func InGapOfServices(s *Source, at time.Time) bool {
	return s.cluster.services.gaps.has(at.UnixNano())
}
