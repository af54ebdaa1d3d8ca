// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

// Tell is how tests name an identity, those from outside too.
var Tell = tell
