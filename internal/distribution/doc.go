// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package distribution holds the tests of what is shipped: they start the built
// collector as a user does. They have the build tag "distribution", because
// they need bin/otelcol-tcpwhy; make test-distribution builds and runs them. Those that
// need an API server have the tag "k8s", too, and make test-k8s runs them.
package distribution
