// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import "time"

// Tell is how tests name an identity, those from outside too.
var Tell = tell

// InGap tells whether a time is in a gap of a source.
func InGap(s *Source, at time.Time) bool { return s.cluster.gaps.has(at.UnixNano()) }
