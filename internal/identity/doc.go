// Copyright The tcpwhy Authors
// SPDX-License-Identifier: Apache-2.0

// Package identity knows who is behind an address, a container or a process: from a
// static file, and from Kubernetes.
//
// What it hands out is immutable and may be kept. It knows neither OpenTelemetry nor
// flows.
package identity
